package keyledger

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
)

type said struct{ ID, Data string }

func readStream(r io.Reader) (out []said, retry time.Duration, err error) {
	s := newStreamReader(r)
	for {
		m, err := s.next(func() {})
		if err != nil {
			return out, s.retry, err
		}
		out = append(out, said{m.id, string(m.data)})
	}
}

func TestStreamReaderReadsTheFormat(t *testing.T) {
	for name, test := range map[string]struct {
		in    string
		want  []said
		retry time.Duration
	}{
		"one message":                 {"id: 1\nevent: x\ndata: {}\n\n", []said{{"1", "{}"}}, 0},
		"no space after the colon":    {"id:1\ndata:{}\n\n", []said{{"1", "{}"}}, 0},
		"only one space is dropped":   {"data:  a\n\n", []said{{"", " a"}}, 0},
		"colons in the data":          {"data: a:b\n\n", []said{{"", "a:b"}}, 0},
		"several lines of data":       {"data: a\ndata\ndata: b\n\n", []said{{"", "a\n\nb"}}, 0},
		"comments and unknown fields": {": hello\nfoo: bar\nid: 2\ndata: a\n: more\n\n", []said{{"2", "a"}}, 0},
		"CR and CRLF":                 {"id: 1\r\ndata: a\r\n\r\nid: 2\rdata: b\r\r", []said{{"1", "a"}, {"2", "b"}}, 0},
		"byte order mark":             {"\ufeffdata: a\n\n", []said{{"", "a"}}, 0},
		"the id stays":                {"id: 1\ndata: a\n\ndata: b\n\n", []said{{"1", "a"}, {"1", "b"}}, 0},
		"an id without data":          {"id: 1\n\ndata: b\n\n", []said{{"1", "b"}}, 0},
		"an id with a null":           {"id: 1\nid: 2\x00\ndata: b\n\n", []said{{"1", "b"}}, 0},
		"the end inside a message":    {"data: a\n\nid: 3\ndata: b\n", []said{{"", "a"}}, 0},
		"the end inside a line":       {"data: a\n\ndata: b", []said{{"", "a"}}, 0},
		"empty lines":                 {"\n\n\ndata: a\n\n\n", []said{{"", "a"}}, 0},
		"a pause asked for":           {"retry: 1500\n\n", nil, 1500 * time.Millisecond},
		"a pause that is none":        {"retry: -1\nretry: 1s\n\n", nil, 0},
	} {
		for _, r := range []io.Reader{strings.NewReader(test.in), iotest.OneByteReader(strings.NewReader(test.in))} {
			got, retry, err := readStream(r)
			if diff := cmp.Diff(test.want, got); diff != "" || retry != test.retry || !errors.Is(err, io.EOF) {
				t.Errorf("%s: retry %v, error %v, messages (-want +got):\n%s", name, retry, err, diff)
			}
		}
	}
}

func TestStreamReaderIsBounded(t *testing.T) {
	line := strings.Repeat("x", maxStreamLine/2)
	for name, r := range map[string]io.Reader{
		"one endless line":      io.MultiReader(strings.NewReader("data: "), endless{}),
		"endless data":          strings.NewReader(strings.Repeat("data: "+line+"\n", 3) + "\n"),
		"an endless id":         io.MultiReader(strings.NewReader("id: "), endless{}),
		"an endless first line": endless{},
	} {
		if _, _, err := readStream(r); !errors.Is(err, ErrProtocol) {
			t.Errorf("%s: got %v, want ErrProtocol", name, err)
		}
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

// FuzzStreamReader asks that how a stream is cut into reads changes nothing, and
// that every way of ending a line says the same.
func FuzzStreamReader(f *testing.F) {
	f.Add("id: 1\ndata: a\n\n: c\nretry: 5\ndata: b\n\n")
	f.Add("data\r\rid\r\n\r\n")
	f.Fuzz(func(t *testing.T, in string) {
		whole, retry, err := readStream(strings.NewReader(in))
		if !errors.Is(err, io.EOF) && !errors.Is(err, ErrProtocol) {
			t.Fatalf("ended with %v", err)
		}
		pieces, retryToo, _ := readStream(iotest.OneByteReader(strings.NewReader(in)))
		if diff := cmp.Diff(whole, pieces); diff != "" || retry != retryToo {
			t.Errorf("cut into bytes it reads differently:\n%s", diff)
		}
		if strings.ContainsRune(in, '\r') {
			return
		}
		crlf, _, _ := readStream(strings.NewReader(strings.ReplaceAll(in, "\n", "\r\n")))
		cr, _, _ := readStream(strings.NewReader(strings.ReplaceAll(in, "\n", "\r")))
		if diff := cmp.Diff(whole, crlf) + cmp.Diff(whole, cr); diff != "" {
			t.Errorf("with other line ends it reads differently:\n%s", diff)
		}
	})
}

func TestRetryAfterForms(t *testing.T) {
	const date = "Sun, 06 Nov 1994 08:49:37 GMT"
	for _, test := range []struct {
		after, date string
		want        time.Duration
		ok          bool
	}{
		{"", date, 0, false},
		{"0", "", 0, true},
		{"120", "", 2 * time.Minute, true},
		{"-1", "", 0, false},
		{"1.5", "", 0, false},
		{"99999999999999999999", "", 0, false},
		{"Sun, 06 Nov 1994 08:50:07 GMT", date, 30 * time.Second, true},
		{"Sun, 06 Nov 1994 08:49:00 GMT", date, 0, true},
		{"Sun, 06 Nov 1994 08:50:07 GMT", "", 0, false},
		{"soon", date, 0, false},
	} {
		if got, ok := parseRetryAfter(test.after, test.date); got != test.want || ok != test.ok {
			t.Errorf("Retry-After %q at %q: got %v, %v", test.after, test.date, got, ok)
		}
	}
}
