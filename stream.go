package keyledger

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"
)

// message is one event of a text/event-stream. Its "event" field is not kept:
// the data says its type itself.
type message struct {
	id   string // the last id seen so far, as the format has it
	data []byte
}

// errLine is returned for a line that no event of ours needs.
var errLine = errors.New("line too long")

// streamReader reads a text/event-stream (WHATWG HTML, section 9.2.6).
type streamReader struct {
	lines *bufio.Reader
	id    string
	retry time.Duration // the pause before a reconnection that the stream has asked for
	begun bool
	crlf  bool // the last line ended in CR, so that a LF right after it belongs to it
}

func newStreamReader(r io.Reader) *streamReader {
	return &streamReader{lines: bufio.NewReaderSize(r, 64<<10)}
}

// next returns the next message that has data. It calls heard for every line,
// comments included. An end inside a message drops that message, as the format
// says.
func (s *streamReader) next(heard func()) (message, error) {
	var data []byte
	filled := false
	for {
		line, err := s.line()
		if err != nil {
			return message{}, err
		}
		heard()
		if len(line) == 0 {
			if filled {
				return message{id: s.id, data: bytes.TrimSuffix(data, []byte("\n"))}, nil
			}
			continue
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimPrefix(value, []byte(" "))
		switch string(name) {
		case "data":
			if len(data)+len(value) > maxStreamLine {
				return message{}, fmt.Errorf("%w: %w", ErrProtocol, errLine)
			}
			data, filled = append(append(data, value...), '\n'), true
		case "id":
			if !bytes.ContainsRune(value, 0) {
				s.id = string(value)
			}
		case "retry":
			if ms, err := strconv.ParseUint(string(value), 10, 31); err == nil {
				s.retry = time.Duration(ms) * time.Millisecond
			}
		}
	}
}

// line returns the next line without its end, which is LF, CR or CRLF. The bytes
// are valid until the next call.
func (s *streamReader) line() ([]byte, error) {
	var line []byte
	for {
		b, err := s.lines.ReadByte()
		if err != nil {
			return nil, err
		}
		wasCR := s.crlf
		s.crlf = false
		switch {
		case b == '\n' && wasCR:
			continue
		case b == '\n' || b == '\r':
			s.crlf = b == '\r'
			if !s.begun {
				s.begun = true
				line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf"))
			}
			return line, nil
		case len(line) == maxStreamLine:
			return nil, fmt.Errorf("%w: %w", ErrProtocol, errLine)
		}
		line = append(line, b)
	}
}
