// Package scheme says what a key system is, as data: its environments, kinds of
// key, prefixes, permissions, the endpoints each guards, how a credential is
// presented, and in which words a refusal is put. It also makes, reads and
// checks the text of a credential. It is pure: random bytes are passed in.
//
// # Credential text
//
// A key is one word:
//
//	<prefix><locator 12><secret 32><checksum 6>
//
// all base62 after the prefix, which ends in an underscore. The locator finds
// the row and is safe to log; the secret carries 190 bits; the checksum is the
// CRC-32 (IEEE) of everything before it, so that a mistyped or invented key is
// refused without a look-up and a secret scanner has no false positives.
//
// A pair is two words: the public one <prefix><locator 12><checksum 6>, the
// secret one <prefix><secret 32>.
//
// # What is stored
//
// SHA-256 over a domain tag, a random salt of 16 bytes, the locator and the
// secret. A fast hash is enough for a secret of 112 bits or more (NIST SP
// 800-63B, section 5.1.2.2); the salt keeps one secret from being recognised in
// two places.
package scheme
