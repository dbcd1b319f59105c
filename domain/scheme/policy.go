package scheme

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// policy is a [Policy] ready for use. Zero asks nothing.
type policy struct {
	maxLifetime time.Duration
	rotateAfter time.Duration
	names       map[string]*regexp.Regexp // by environment
}

func (c *checker) policy() (out policy) {
	p := c.doc.Policy
	if p == nil {
		return out
	}
	for _, d := range []struct {
		path, text string
		into       *time.Duration
	}{{"policy.max_lifetime", p.MaxLifetime, &out.maxLifetime}, {"policy.rotate_after", p.RotateAfter, &out.rotateAfter}} {
		if d.text == "" {
			continue
		}
		var err error
		if *d.into, err = parseLifetime(d.text); err != nil {
			c.add(d.path, "%v", err)
		}
	}
	if p.NamePattern == "" {
		return out
	}
	if len(p.NamePattern) > MaxNamePattern {
		c.add("policy.name_pattern", "%d bytes, at most %d", len(p.NamePattern), MaxNamePattern)
		return out
	}
	out.names = map[string]*regexp.Regexp{}
	for env := range c.doc.Environments {
		text := strings.ReplaceAll(p.NamePattern, "{environment}", regexp.QuoteMeta(env))
		compiled, err := regexp.Compile(`\A(?:` + text + `)\z`)
		if err != nil {
			c.add("policy.name_pattern", "not a regular expression (RE2): %v", err)
			return out
		}
		out.names[env] = compiled
	}
	return out
}

var errLifetime = errors.New("use a number of days or hours, such as 90d or 12h")

// parseLifetime reads "90d" or "12h", at least an hour.
func parseLifetime(text string) (time.Duration, error) {
	if text == "" {
		return 0, errLifetime
	}
	n, err := strconv.Atoi(text[:len(text)-1])
	if err != nil || n < 1 || text[0] == '+' {
		return 0, errLifetime
	}
	unit := 24 * time.Hour
	switch text[len(text)-1] {
	case 'h':
		unit = time.Hour
	case 'd':
	default:
		return 0, errLifetime
	}
	if n > MaxLifetimeDays*int(24*time.Hour/unit) {
		return 0, fmt.Errorf("%q is more than %d days", text, MaxLifetimeDays)
	}
	return time.Duration(n) * unit, nil
}

// MaxLifetime is how long after its creation a key must have expired; 0 asks
// nothing.
func (s *Scheme) MaxLifetime() time.Duration { return s.policy.maxLifetime }

// RotateAfter is the age from which a secret should be rotated; 0 asks nothing.
func (s *Scheme) RotateAfter() time.Duration { return s.policy.rotateAfter }

// NameFits reports whether a key of environment may have this name.
func (s *Scheme) NameFits(environment, name string) bool {
	pattern, ok := s.policy.names[environment]
	return !ok || pattern.MatchString(name)
}

// NeedsAllowlist reports whether a key of kind in environment must have an IP
// allowlist. A kind made to be seen by users comes from their addresses, so it is
// never asked of that.
func (s *Scheme) NeedsAllowlist(kind Kind, environment string) bool {
	return s.doc.Policy != nil && s.doc.Policy.AllowlistRequired &&
		s.doc.Environments[environment].Production && kind.Exposure != ExposureClient
}
