package main

import (
	"testing"
	"time"
)

func TestSpansAndInstantsAreReadAsWritten(t *testing.T) {
	now := time.Date(2027, 1, 10, 12, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		text string
		past bool
		want time.Time // zero: refused
	}{
		{"2027-03-01", false, time.Date(2027, 3, 1, 0, 0, 0, 0, time.UTC)},
		{"2027-03-01T12:00:00+02:00", false, time.Date(2027, 3, 1, 10, 0, 0, 0, time.UTC)},
		{"90d", false, now.Add(90 * 24 * time.Hour)},
		{"90d", true, now.Add(-90 * 24 * time.Hour)},
		{"36h", true, now.Add(-36 * time.Hour)},
		{"0s", false, now},
		{"1h30m", false, now.Add(90 * time.Minute)},
		{text: ""},
		{text: "-1h"},
		{text: "-1d"},
		{text: "1.5d"},
		{text: "d"},
		{text: "5"},
		{text: "5 d"},
		{text: "tomorrow"},
		{text: "99999999999d"},
		{text: "4000000000d"},
		{text: "2027-02-30"},
		{text: "2027-03-01 12:00"},
	} {
		got, err := parseInstant(test.text, now, test.past)
		if (err != nil) != test.want.IsZero() || err == nil && !got.Equal(test.want) {
			t.Errorf("%q: got %v, %v, want %v", test.text, got, err, test.want)
		}
	}
}

func TestTimesAreToldInTheLargestUnitThatFits(t *testing.T) {
	now := time.Date(2027, 1, 10, 12, 0, 0, 0, time.UTC)
	for d, want := range map[time.Duration]string{
		0: "just now", -time.Second: "1s ago", -59 * time.Second: "59s ago", -time.Minute: "1m ago", -90 * time.Minute: "1h ago",
		-47 * time.Hour: "47h ago", -48 * time.Hour: "2d ago", -400 * day: "400d ago", time.Minute: "in 1m", time.Millisecond: "in 1s",
	} {
		if got := ago(now.Add(d), now); got != want {
			t.Errorf("%v from now: got %q, want %q", d, got, want)
		}
	}
}

// FuzzSpan asks that a span that is read is not negative, and is read the same
// when written as Go writes it.
func FuzzSpan(f *testing.F) {
	for _, seed := range []string{"90d", "36h", "1h30m", "0s", "-1s", "1e9d", "36600d"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := parseSpan(text)
		if err != nil {
			return
		}
		if again, err := parseSpan(d.String()); d < 0 || err != nil || again != d {
			t.Errorf("%q is %v, which is %v, %v", text, d, again, err)
		}
	})
}
