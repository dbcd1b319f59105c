package events

import "time"

// ID prefixes. An id is its prefix, an underscore and 26 characters of
// Crockford's base 32 in lower case, the text form of TypeID.
const (
	IDEvent      = "evt"
	IDCommand    = "cmd"
	IDRequest    = "req"
	IDKey        = "key"
	IDCredential = "crd"
	IDAccount    = "acct"
	IDLedger     = "kl"
)

// NewID returns a prefixed UUIDv7 (RFC 9562, section 5.7): 48 bits of
// milliseconds, then 74 random bits taken from random.
func NewID(prefix string, at time.Time, random [10]byte) string {
	var u [16]byte
	ms := uint64(at.UnixMilli())
	for i := range 6 {
		u[i] = byte(ms >> (40 - 8*i))
	}
	copy(u[6:], random[:])
	u[6] = 0x70 | u[6]&0x0f
	u[8] = 0x80 | u[8]&0x3f
	return FormatID(prefix, u)
}

const base32 = "0123456789abcdefghjkmnpqrstvwxyz"

// FormatID writes 128 bits in the text form of an id. Ids that must be the same
// wherever a request arrives are made of a keyed hash instead of a UUID.
func FormatID(prefix string, u [16]byte) string {
	out := make([]byte, 0, len(prefix)+27)
	out = append(out, prefix...)
	out = append(out, '_')
	// 26 digits carry 130 bits; the first holds the top three.
	for i := range 26 {
		bit := 125 - 5*i // lowest bit of this digit, counted from the right
		var d byte
		for b := 4; b >= 0; b-- {
			d <<= 1
			if at := bit + b; at < 128 {
				d |= u[15-at/8] >> (at % 8) & 1
			}
		}
		out = append(out, base32[d])
	}
	return string(out)
}
