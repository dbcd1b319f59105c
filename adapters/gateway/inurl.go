package gateway

import (
	"net/url"
	"slices"
	"strings"

	"github.com/keyledger/keyledger/domain/access"
	"github.com/keyledger/keyledger/domain/scheme"
)

// inURL looks for secrets of any scheme in path and query. One whose kind is
// made for URLs may stand there; where its scheme presents it in the path and it
// is a whole segment, it is the credential of the request.
func (c *carriers) inURL(u *url.URL) (key string, refused *problemOf) {
	query := u.RawQuery
	if plain, err := url.QueryUnescape(query); err == nil {
		query = plain
	}
	for _, text := range [...]string{u.Path, query} {
		for word := range strings.FieldsFuncSeq(text, notCredential) {
			parsed, err := scheme.ParseText(word)
			if err != nil || parsed.Secret == "" {
				continue
			}
			prefix, known := c.catalog.Prefix(parsed.Prefix)
			s, _ := c.catalog.Scheme(prefix.Scheme)
			if known && !s.Document().Kinds[prefix.Kind].InURL {
				return "", &problemOf{
					code: access.Malformed, scheme: prefix.Scheme,
					message: "an API key must not stand in a URL, where logs keep it: send it in its header, and replace this one",
				}
			}
		}
	}
	for segment := range strings.SplitSeq(u.Path, "/") {
		owner := c.owner(segment)
		if owner.Scheme == "" || !c.presents(owner, func(p *scheme.Presentation) bool { return p.Path && slices.Contains(p.Kinds, owner.Kind) }) {
			continue
		}
		if key != "" && key != segment {
			return "", severalRefused(owner.Scheme)
		}
		key = segment
	}
	return key, nil
}

// notCredential reports whether r cannot stand in the text of a credential.
func notCredential(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_' && r != '-'
}
