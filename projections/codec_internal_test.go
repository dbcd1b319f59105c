package projections

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keyledger/keyledger/domain/account"
	"github.com/keyledger/keyledger/domain/apikey"
	"github.com/keyledger/keyledger/domain/ledger"
	"github.com/keyledger/keyledger/domain/scheme"
)

// filler sets every field of a value to something that is not zero and not what
// any other field has.
type filler struct{ n int64 }

func (f *filler) fill(v reflect.Value) {
	f.n++
	switch p := v.Addr().Interface().(type) {
	case *time.Time:
		*p = time.Unix(1e9+f.n, f.n).In(time.FixedZone("", int(f.n)*60))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(fmt.Sprintf("text %d", f.n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(-f.n)
	case reflect.Uint64:
		v.SetUint(uint64(f.n))
	case reflect.Uint8:
		v.SetUint(uint64(f.n % 251))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		f.fill(v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 3, 3))
		for i := range v.Len() {
			f.fill(v.Index(i))
		}
	case reflect.Map:
		v.Set(reflect.ValueOf(map[string]string{fmt.Sprint("k", f.n): "v", fmt.Sprint("j", f.n): "w"}))
	case reflect.Struct:
		for i := range v.NumField() {
			f.fill(v.Field(i))
		}
	default:
		panic("no filling for " + v.Type().String())
	}
}

func entriesToStore() []Entry {
	key, acct := new(apikey.Key), new(account.Account)
	(&filler{}).fill(reflect.ValueOf(key).Elem())
	(&filler{}).fill(reflect.ValueOf(acct).Elem())
	empty := apikey.Key{
		Permissions: []string{}, Grantable: []string{}, Metadata: map[string]string{},
		Credentials: []apikey.Credential{{}}, CreatedAt: time.Unix(0, 0).UTC(),
	}
	empty.Credentials[0].Salt = []byte{}
	return []Entry{
		{},
		{Revision: 3, Sequence: 1 << 40},
		{Revision: 1, Sequence: 2, Key: key},
		{Revision: 1, Sequence: 2, Key: &apikey.Key{}},
		{Revision: 1, Sequence: 2, Key: &empty},
		{Revision: 1, Sequence: 2, Account: acct},
		{Revision: 1, Sequence: 2, Account: &account.Account{}},
		{
			Revision: 9, Sequence: 10, standing: standing{usable: 2, unreadable: true, unknown: true},
			Scheme: &ledger.SchemeState{Version: 3, Opaque: true, Document: []byte(`{}`)},
		},
	}
}

func TestAStoredEntryComesBackWholeFieldByField(t *testing.T) {
	for i, want := range entriesToStore() {
		row := encodeEntry(nil, want)
		got, err := decodeEntry(row)
		if err != nil {
			t.Errorf("entry %d: %v", i, err)
			continue
		}
		sameOffset := cmp.Comparer(func(a, b time.Time) bool {
			_, x := a.Zone()
			_, y := b.Zone()
			return a.Equal(b) && x == y && a.Format(time.RFC3339Nano) == b.Format(time.RFC3339Nano)
		})
		if diff := cmp.Diff(want, got, sameOffset, cmp.AllowUnexported(Entry{}, standing{}), cmp.AllowUnexported(scheme.Scheme{})); diff != "" {
			t.Errorf("entry %d (-stored +read):\n%s", i, diff)
		}
		if again := encodeEntry(nil, got); string(again) != string(row) {
			t.Errorf("entry %d is written otherwise after it has been read", i)
		}
	}
}

func TestADamagedEntryIsAnErrorAndNeverAPanic(t *testing.T) {
	for _, e := range entriesToStore() {
		row := encodeEntry(nil, e)
		for n := range row {
			if _, err := decodeEntry(row[:n]); !errors.Is(err, errRow) {
				t.Fatalf("%d bytes of %d are read: %v", n, len(row), err)
			}
		}
		if _, err := decodeEntry(append(row, 0)); !errors.Is(err, errRow) {
			t.Fatalf("a byte too many is read: %v", err)
		}
	}
}

func FuzzDecodeEntry(f *testing.F) {
	for _, e := range entriesToStore() {
		f.Add(encodeEntry(nil, e))
	}
	f.Fuzz(func(t *testing.T, row []byte) {
		e, err := decodeEntry(row)
		if err != nil {
			return
		}
		again, err := decodeEntry(encodeEntry(nil, e))
		if err != nil || string(encodeEntry(nil, again)) != string(encodeEntry(nil, e)) {
			t.Errorf("read as %+v, written and read as %+v, %v", e, again, err)
		}
	})
}

// BenchmarkEntry compares the stored form of a key with JSON.
func BenchmarkEntry(b *testing.B) {
	key := entriesToStore()[2].Key
	key.Credentials = key.Credentials[:1]
	e := Entry{Revision: 1, Sequence: 2, Key: key}
	row := encodeEntry(nil, e)
	text, err := json.Marshal(key)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("encode", func(b *testing.B) {
		for b.Loop() {
			row = encodeEntry(row[:0], e)
		}
		b.ReportMetric(float64(len(row)), "bytes")
	})
	b.Run("decode", func(b *testing.B) {
		for b.Loop() {
			if _, err := decodeEntry(row); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("encode-json", func(b *testing.B) {
		for b.Loop() {
			if text, err = json.Marshal(key); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(len(text)), "bytes")
	})
	b.Run("decode-json", func(b *testing.B) {
		for b.Loop() {
			var k apikey.Key
			if err := json.Unmarshal(text, &k); err != nil {
				b.Fatal(err)
			}
		}
	})
}
