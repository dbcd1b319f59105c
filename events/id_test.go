package events_test

import (
	"bytes"
	"math/big"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyledger/keyledger/events"
)

var idForm = regexp.MustCompile(`^[a-z]+_[0-7][0-9abcdefghjkmnpqrstvwxyz]{25}$`)

// uuidOf reads the text form back, by another way than it is written.
func uuidOf(t *testing.T, id string) [16]byte {
	t.Helper()
	const alphabet, standard = "0123456789abcdefghjkmnpqrstvwxyz", "0123456789abcdefghijklmnopqrstuv"
	_, digits, _ := strings.Cut(id, "_")
	n, ok := new(big.Int).SetString(strings.Map(func(r rune) rune {
		return rune(standard[strings.IndexRune(alphabet, r)])
	}, digits), 32)
	if !ok || n.BitLen() > 128 {
		t.Fatalf("%s is not 128 bits in base 32", id)
	}
	var u [16]byte
	n.FillBytes(u[:])
	return u
}

func TestAnIDIsAUUIDOfVersion7(t *testing.T) {
	at := time.Date(2026, 3, 2, 9, 0, 0, 417e6, time.UTC)
	for _, fill := range []byte{0x00, 0x5a, 0xff} {
		random := [10]byte(bytes.Repeat([]byte{fill}, 10))
		id := events.NewID(events.IDKey, at, random)
		if !idForm.MatchString(id) || !strings.HasPrefix(id, "key_") || len(id) != len("key_")+26 {
			t.Errorf("%s has another form than %s", id, idForm)
		}
		u := uuidOf(t, id)
		if version := u[6] >> 4; version != 7 {
			t.Errorf("%s: version %d, want 7", id, version)
		}
		if variant := u[8] >> 6; variant != 2 {
			t.Errorf("%s: variant %b, want 10", id, variant)
		}
		if ms := new(big.Int).SetBytes(u[:6]).Int64(); ms != at.UnixMilli() {
			t.Errorf("%s: %d ms, want %d", id, ms, at.UnixMilli())
		}
		if u[6]&0x0f != fill&0x0f || u[7] != fill || u[8]&0x3f != fill&0x3f || u[15] != fill {
			t.Errorf("%s: %x does not carry the random bits %x", id, u, fill)
		}
	}
}

func TestIDsSortByTime(t *testing.T) {
	base := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	var ids []string
	for i, d := range []time.Duration{0, 1, 2, 255, 256, 257, 65535, 65536, 1 << 24, 1 << 32} {
		random := [10]byte(bytes.Repeat([]byte{byte(255 - i)}, 10)) // against the order of time
		ids = append(ids, events.NewID(events.IDEvent, base.Add(d*time.Millisecond), random))
	}
	if !slices.IsSorted(ids) {
		t.Errorf("not in the order of time: %v", ids)
	}
}

func TestTheTextFormOfAnIDCarriesEveryBit(t *testing.T) {
	seen := make(map[string]bool)
	for bit := range 129 {
		var u [16]byte
		if bit < 128 {
			u[bit/8] = 0x80 >> (bit % 8)
		}
		id := events.FormatID("kl", u)
		if seen[id] {
			t.Errorf("bit %d is lost: %s", bit, id)
		}
		seen[id] = true
		if got := uuidOf(t, id); got != u {
			t.Errorf("%x is written as %s, which is %x", u, id, got)
		}
	}
	if got, want := events.FormatID("kl", [16]byte(bytes.Repeat([]byte{0xff}, 16))), "kl_7zzzzzzzzzzzzzzzzzzzzzzzzz"; got != want {
		t.Errorf("the greatest id is %s, want %s", got, want)
	}
}

// The pair is a published example of the TypeID specification.
func TestIDsAreWrittenAsTypeIDs(t *testing.T) {
	u := [16]byte{0x01, 0x89, 0x0a, 0x5d, 0xac, 0x96, 0x77, 0x4b, 0xbc, 0xce, 0xb3, 0x02, 0x09, 0x9a, 0x80, 0x57}
	if got, want := events.FormatID("prefix", u), "prefix_01h455vb4pex5vsknk084sn02q"; got != want {
		t.Errorf("written as %s, want %s", got, want)
	}
}
