package scheme

import (
	"fmt"
	"slices"
	"strings"
)

// Together reports whether one request may present keys of these two kinds, in
// either order.
func (s *Scheme) Together(a, b string) bool {
	for i := range s.doc.Presentations {
		p := &s.doc.Presentations[i]
		if p.With == nil {
			continue
		}
		if slices.Contains(p.Kinds, a) && slices.Contains(p.With.Kinds, b) ||
			slices.Contains(p.Kinds, b) && slices.Contains(p.With.Kinds, a) {
			return true
		}
	}
	return false
}

func (c *checker) presentations() {
	all := c.doc.Presentations
	if len(all) == 0 {
		c.add("presentations", "say how a request carries its credential, for example {header: X-API-Key}")
	}
	if len(all) > MaxPresentations {
		c.add("presentations", "%d presentations, at most %d", len(all), MaxPresentations)
		return
	}
	for i, p := range all {
		path := fmt.Sprintf("presentations[%d]", i)
		ways := 0
		for _, used := range [...]bool{p.Header != "", p.Basic, p.Path} {
			if used {
				ways++
			}
		}
		if ways != 1 {
			c.add(path, "use either header, basic or path")
			continue
		}
		if p.Header != "" && !isHeader(p.Header) {
			c.add(path+".header", "%q is not the name of a header that can carry a key", p.Header)
		}
		c.presentedKinds(path, &p)
		if p.With != nil {
			c.companion(path, &p)
		}
	}
	c.refused()
}

// presentedKinds checks that the kinds of a presentation can come that way.
func (c *checker) presentedKinds(path string, p *Presentation) {
	if p.Path && len(p.Kinds) == 0 {
		c.add(path+".kinds", "name the kinds that stand in a path, each with in_url: true")
	}
	for _, name := range p.Kinds {
		k, ok := c.doc.Kinds[name]
		switch {
		case !ok:
			c.add(path+".kinds", "%q is not a kind of this scheme", name)
		case p.Path && !k.InURL:
			c.add(path+".kinds", "kind %s is not made for URLs: give it in_url: true, or let it come in a header", name)
		case p.Basic != (k.SecretPrefix != ""):
			c.add(path+".kinds", "kind %s cannot come this way: pairs come by basic, single keys by header or path", name)
		}
	}
}

// companion checks the second credential of a presentation.
func (c *checker) companion(path string, p *Presentation) {
	w := p.With
	path += ".with"
	switch {
	case p.Header == "":
		c.add(path, "only a key in a header can come with another")
	case !isHeader(w.Header):
		c.add(path+".header", "%q is not the name of a header that can carry a key", w.Header)
	case strings.EqualFold(w.Header, p.Header):
		c.add(path+".header", "two keys cannot come in one header")
	}
	if len(p.Kinds) == 0 || len(w.Kinds) == 0 {
		c.add(path+".kinds", "name the kinds of both credentials, here and in the presentation")
	}
	for _, name := range w.Kinds {
		k, ok := c.doc.Kinds[name]
		switch {
		case !ok:
			c.add(path+".kinds", "%q is not a kind of this scheme", name)
		case k.SecretPrefix != "":
			c.add(path+".kinds", "kind %s is a pair, which comes by basic", name)
		case slices.Contains(p.Kinds, name):
			c.add(path+".kinds", "kind %s is on both sides", name)
		}
	}
}

func (c *checker) refused() {
	if len(c.doc.Refused) > MaxPresentations {
		c.add("refused", "%d ways, at most %d", len(c.doc.Refused), MaxPresentations)
		return
	}
	basic := slices.ContainsFunc(c.doc.Presentations, func(p Presentation) bool { return p.Basic })
	for i, r := range c.doc.Refused {
		path := fmt.Sprintf("refused[%d]", i)
		switch {
		case !isHeaderWord(r.Authorization):
			c.add(path+".authorization", "%q is not the name of an authentication scheme, such as Bearer", r.Authorization)
		case basic && strings.EqualFold(r.Authorization, "Basic"):
			c.add(path+".authorization", "Basic is one of the presentations")
		}
		if r.Because == "" || len(r.Because) > MaxSentence {
			c.add(path+".because", "say why, in at most %d bytes", MaxSentence)
		}
	}
}

// isHeader admits names of headers that have no meaning of their own to HTTP,
// proxies or this program.
func isHeader(s string) bool {
	if !isHeaderWord(s) {
		return false
	}
	switch strings.ToLower(s) {
	case "authorization", "proxy-authorization", "cookie", "host", "origin", "connection", "content-length", "content-type",
		"content-encoding", "content-language", "transfer-encoding", "te", "trailer", "upgrade", "expect", "range", "date",
		"accept", "accept-charset", "accept-encoding", "accept-language", "user-agent", "referer", "cache-control", "pragma",
		"via", "forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-forwarded-method", "x-forwarded-uri",
		"x-original-uri", "x-original-method", "x-real-ip", "x-request-id", "traceparent", "tracestate",
		"idempotency-key", "if-match", "if-none-match", "last-event-id":
		return false
	}
	return true
}

func isHeaderWord(s string) bool {
	return s != "" && len(s) <= 64 && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-'
	})
}
