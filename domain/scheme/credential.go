package scheme

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"hash/crc32"
	"math/big"
	"strings"
	"unsafe"
)

// Lengths of the parts of credential text, in characters.
const (
	LocatorLen  = 12
	SecretLen   = 32
	ChecksumLen = 6
	shownLen    = 8 // characters of the locator that the displayed prefix shows
)

// Entropy is what a credential is made from: 64 bytes that nobody can predict.
// 16 make the locator, 32 the secret, 16 the salt.
type Entropy [64]byte

// Minted is a new credential: its text, and what is stored of it.
type Minted struct {
	Public Secret // the public half of a pair; zero for a single key
	Secret Secret // the key, or the secret half of a pair

	Prefix  string // as shown to people
	Locator string
	Last4   string
	Alg     string
	Salt    []byte
	Hash    []byte
}

// ErrKind is returned for a kind or environment that the scheme does not have.
var ErrKind = errors.New("unknown kind or environment")

// Mint makes a credential of a kind in an environment.
func (s *Scheme) Mint(kind, environment string, random Entropy) (Minted, error) {
	public, secret := s.prefixOf(kind, environment, false), s.prefixOf(kind, environment, true)
	if public == "" {
		return Minted{}, ErrKind
	}
	locator := base62(random[:16], LocatorLen)
	hidden := base62(random[16:48], SecretLen)
	m := Minted{
		Locator: locator, Prefix: public + locator[:shownLen],
		Alg: AlgSHA256, Salt: append([]byte(nil), random[48:]...),
	}
	var text string
	if secret == "" {
		text = withChecksum(public + locator + hidden)
	} else {
		text = secret + hidden
		half := withChecksum(public + locator)
		m.Public = NewSecret(half, half)
	}
	m.Last4 = text[len(text)-4:]
	m.Secret = NewSecret(text, m.Prefix+"…"+m.Last4)
	sum := digest(m.Salt, locator, hidden)
	m.Hash = sum[:]
	return m, nil
}

func (s *Scheme) prefixOf(kind, environment string, secret bool) string {
	for _, p := range s.prefixes {
		if p.Kind == kind && p.Environment == environment && p.Secret == secret {
			return p.Text
		}
	}
	return ""
}

const digits62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// base62 writes random bytes as n digits. The bytes carry at least 56 bits more
// than the digits, so no digit is likelier than another by more than 2^-56.
func base62(random []byte, n int) string {
	value, base, digit := new(big.Int).SetBytes(random), big.NewInt(62), new(big.Int)
	out := make([]byte, n)
	for i := range out {
		value.DivMod(value, base, digit)
		out[i] = digits62[digit.Int64()]
	}
	return string(out)
}

func withChecksum(text string) string {
	sum := checksum(text)
	return text + string(sum[:])
}

// checksum is the CRC-32 (IEEE 802.3) of text in six digits, most significant
// first.
func checksum(text string) [ChecksumLen]byte {
	// The bytes of text itself: hash/crc32 only reads them, and a copy would be
	// put on the heap for every credential that is presented.
	crc := crc32.ChecksumIEEE(unsafe.Slice(unsafe.StringData(text), len(text)))
	var out [ChecksumLen]byte
	for i := ChecksumLen - 1; i >= 0; i-- {
		out[i] = digits62[crc%62]
		crc /= 62
	}
	return out
}

// Text is presented credential text that has the right shape: a prefix, digits
// of the right number, a checksum that holds. It says nothing yet about whether
// such a key exists.
type Text struct {
	Prefix  string // with its underscore
	Locator string // "" for the secret half of a pair
	Secret  string // "" for the public half of a pair
}

// ErrMalformed is returned for text that cannot be a credential of ours.
var ErrMalformed = errors.New("malformed credential")

// ParseText reads presented text: a key, or either half of a pair, told apart by
// length. It allocates nothing, and its error never contains the text.
func ParseText(text string) (Text, error) {
	if len(text) > MaxCredential {
		return Text{}, ErrMalformed
	}
	cut := strings.LastIndexByte(text, '_') + 1
	if cut < 2 || cut > MaxPrefix {
		return Text{}, ErrMalformed
	}
	prefix, body := text[:cut], text[cut:]
	switch len(body) {
	case LocatorLen + SecretLen + ChecksumLen:
		if !isBase62(body) || !sumHolds(text) {
			return Text{}, ErrMalformed
		}
		return Text{Prefix: prefix, Locator: body[:LocatorLen], Secret: body[LocatorLen : LocatorLen+SecretLen]}, nil
	case LocatorLen + ChecksumLen:
		if !isBase62(body) || !sumHolds(text) {
			return Text{}, ErrMalformed
		}
		return Text{Prefix: prefix, Locator: body[:LocatorLen]}, nil
	case SecretLen:
		if !isBase62(body) {
			return Text{}, ErrMalformed
		}
		return Text{Prefix: prefix, Secret: body}, nil
	}
	return Text{}, ErrMalformed
}

// sumHolds compares the last characters of text with the checksum of the rest.
// The checksum is no secret: it guards against accidents, not against malice.
func sumHolds(text string) bool {
	at := len(text) - ChecksumLen
	sum := checksum(text[:at])
	return text[at:] == string(sum[:])
}

func isBase62(s string) bool {
	// A bit for each character code, up to 63 and from 64 on. Random digits are
	// what a branch predictor cannot learn, so there is no branch on them; a shift
	// by 64 or more is zero.
	const low, high uint64 = 0x03ff << '0', 0x07fffffe07fffffe
	all := uint64(1)
	for i := range len(s) {
		c := s[i]
		all &= low>>c | high>>(c-64)
	}
	return all == 1
}

// AlgSHA256 is how this build hashes: SHA-256 over "kl1\x00", the salt, the
// locator and the secret.
const AlgSHA256 = "kl1-sha256"

// hashed is a tag of 4 bytes, a salt of 16, locator and secret.
const hashedLen = 4 + 16 + LocatorLen + SecretLen

func digest(salt []byte, locator, secret string) [sha256.Size]byte {
	buf := [hashedLen]byte{'k', 'l', '1'}
	n := 4 + copy(buf[4:20], salt)
	n += copy(buf[n:], locator)
	copy(buf[n:], secret)
	return sha256.Sum256(buf[:])
}

// Matches reports whether secret is the one that salt and hash were stored for.
// The comparison takes the same time wherever the first difference is. It
// allocates nothing. An algorithm that this build does not know matches nothing.
func Matches(alg string, salt, hash []byte, locator, secret string) bool {
	if alg != AlgSHA256 || len(salt) != 16 || len(locator) != LocatorLen || len(secret) != SecretLen {
		return false
	}
	sum := digest(salt, locator, secret)
	return subtle.ConstantTimeCompare(sum[:], hash) == 1
}
