package lookup

import (
	"bytes"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// aRow draws any row that a key could have.
func aRow() *rapid.Generator[row] {
	text := rapid.StringN(0, 40, 80)
	list := rapid.SliceOfN(text, 0, 6)
	instant := rapid.Custom(func(t *rapid.T) time.Time {
		if rapid.Bool().Draw(t, "none") {
			return time.Time{}
		}
		// From the first year that RFC 3339 can write to its last.
		second := rapid.Int64Range(-62_135_596_800, 253_402_300_799).Draw(t, "second")
		at := time.Unix(second, rapid.Int64Range(0, 999_999_999).Draw(t, "nano")).UTC()
		if at.IsZero() {
			return time.Unix(0, 0).UTC()
		}
		return at
	})
	return rapid.Custom(func(t *rapid.T) row {
		r := row{
			seal: seal{
				alg:  rapid.OneOf(rapid.Just(knownAlg), text).Draw(t, "alg"),
				salt: rapid.SliceOfN(rapid.Byte(), 0, 32).Draw(t, "salt"), hash: rapid.SliceOfN(rapid.Byte(), 0, 64).Draw(t, "hash"),
			},
			permissions: list.Draw(t, "permissions"), roles: list.Draw(t, "roles"), allowlist: list.Draw(t, "allowlist"),
			endsAt: instant.Draw(t, "ends"), expiresAt: instant.Draw(t, "expires"),
		}
		for _, s := range []*string{&r.key, &r.credential, &r.account, &r.scheme, &r.kind, &r.resource} {
			*s = text.Draw(t, "text")
		}
		for _, b := range []*bool{&r.revoked, &r.suspended, &r.opaque, &r.cut, &r.awaited} {
			*b = rapid.Bool().Draw(t, "flag")
		}
		return r
	})
}

// compareRows holds empty and absent lists for the same, as the codec does.
func compareRows(a, b row) string {
	return cmp.Diff(a, b, cmp.AllowUnexported(row{}, seal{}), cmp.Transformer("list", func(s []string) string {
		out := ""
		for _, one := range s {
			out += one + "\x00"
		}
		return out
	}), cmp.Transformer("bytes", func(b []byte) string { return string(b) }))
}

func TestRowsSurviveTheirCodec(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := aRow().Draw(t, "row")
		data := encodeRow(&want)
		got, err := decodeRow(bytes.Clone(data))
		if err != nil {
			t.Fatal(err)
		}
		if diff := compareRows(want, got); diff != "" {
			t.Fatal(diff)
		}
		for n := range data {
			if _, err := decodeRow(data[:n]); err == nil {
				t.Fatalf("the first %d of %d bytes are a row as well", n, len(data))
			}
		}
		if _, err := decodeRow(append(bytes.Clone(data), 0)); err == nil {
			t.Fatal("a row with a byte more is a row as well")
		}
	})
}

// No bytes make the decoder panic or ask for much memory, and there is one way
// to write a row.
func FuzzDecodeRow(f *testing.F) {
	r := row{seal: seal{alg: knownAlg, salt: make([]byte, 16), hash: make([]byte, 32)}, key: "key_1", permissions: []string{"a", "b"}}
	f.Add(encodeRow(&r))
	r.endsAt, r.expiresAt, r.cut = time.Unix(1, 2).UTC(), time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC), true
	f.Add(encodeRow(&r))
	f.Add([]byte{rowFormat, 0xff})
	f.Add([]byte{rowFormat, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01})
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := decodeRow(bytes.Clone(data))
		if err != nil {
			return
		}
		if again := encodeRow(&r); !bytes.Equal(again, data) {
			t.Errorf("%x is read as what is written %x", data, again)
		}
	})
}
