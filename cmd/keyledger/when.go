package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// day is a day of 24 hours, as a span of time: "90d".
const day = 24 * time.Hour

// maxDays keeps a number of days from overflowing a duration.
const maxDays = 100 * 366

// parseSpan reads a length of time: what Go reads ("36h", "10m"), and days ("90d").
func parseSpan(s string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(s, "d"); ok {
		if n, err := strconv.ParseUint(days, 10, 31); err == nil && n <= maxDays {
			return time.Duration(n) * day, nil
		}
		return 0, fmt.Errorf("%q is not a number of days", s)
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("%q is not a length of time: use 90d, 36h, 10m or 30s", s)
	}
	return d, nil
}

// parseInstant reads an instant: RFC 3339, a date (its beginning, UTC), or a span,
// which counts from now: backwards where past is set.
func parseInstant(s string, now time.Time, past bool) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t.UTC(), nil
	}
	if t, err := time.Parse(time.DateOnly, s); err == nil {
		return t, nil
	}
	d, err := parseSpan(s)
	if err != nil {
		return time.Time{}, errors.New("use 2027-03-01, 2027-03-01T12:00:00Z, or a span such as 90d or 36h")
	}
	if past {
		d = -d
	}
	return now.Add(d).UTC(), nil
}

// stamp is t for a program: RFC 3339 UTC, "" for never.
func stamp(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// ago is t as seen from now, in the largest unit that fits: "3h ago", "in 5d".
func ago(t, now time.Time) string {
	d := now.Sub(t)
	if d < 0 {
		return "in " + span((-d).Round(time.Second)) // a moment after it was set, "90d" is still "in 90d"
	}
	if d < time.Second {
		return "just now"
	}
	return span(d) + " ago"
}

func span(d time.Duration) string {
	switch {
	case d >= 2*day:
		return fmt.Sprintf("%dd", d/day)
	case d >= time.Hour:
		return fmt.Sprintf("%dh", d/time.Hour)
	case d >= time.Minute:
		return fmt.Sprintf("%dm", d/time.Minute)
	default:
		return fmt.Sprintf("%ds", max(d/time.Second, 1))
	}
}

// brief is an instant in a table; never says what nil means.
func (a *app) brief(t *time.Time, never string) string {
	switch {
	case !a.person():
		return stamp(t)
	case t == nil:
		return never
	default:
		return ago(*t, a.now())
	}
}

// full is an instant in a description.
func (a *app) full(t *time.Time, never string) string {
	switch {
	case !a.person():
		return stamp(t)
	case t == nil:
		return never
	default:
		return stamp(t) + " (" + ago(*t, a.now()) + ")"
	}
}
