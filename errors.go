package keyledger

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Code is a word of the closed vocabulary in which a server refuses. It is an
// error, so that errors.Is(err, keyledger.ErrNotFound) asks for it.
type Code string

// Codes that a server answers with.
const (
	// The credential of the caller; status 401.
	ErrKeyMissing      Code = "api_key_missing"
	ErrKeyMalformed    Code = "api_key_malformed"
	ErrKeyInvalid      Code = "api_key_invalid"
	ErrKeyRevoked      Code = "api_key_revoked"
	ErrKeyExpired      Code = "api_key_expired"
	ErrKeySuspended    Code = "api_key_suspended"
	ErrAccountInactive Code = "account_inactive"

	// What the caller may do; status 403.
	ErrPermissionDenied    Code = "permission_denied"
	ErrIPNotAllowed        Code = "ip_not_allowed"
	ErrEnvironmentMismatch Code = "environment_mismatch"
	ErrEscalationRefused   Code = "escalation_refused"

	// The request; status 404, 409, 412, 413, 415 and 422.
	ErrNotFound             Code = "not_found"
	ErrConflict             Code = "conflict"
	ErrRevisionMismatch     Code = "revision_mismatch"
	ErrTooLarge             Code = "too_large"
	ErrUnsupportedMediaType Code = "unsupported_media_type"
	ErrInvalidRequest       Code = "invalid_request"
	ErrImmutableField       Code = "immutable_field"
	ErrIdempotencyMismatch  Code = "idempotency_mismatch"

	// The server; status 503 and 500.
	ErrVerifierStale     Code = "verifier_stale"
	ErrLedgerUnavailable Code = "ledger_unavailable"
	ErrInternal          Code = "internal"
)

// Error is the code itself.
func (c Code) Error() string { return string(c) }

// ErrProtocol is returned for an answer that is not keyledger's: another server
// behind the address, a proxy's page, an answer cut short or too large.
var ErrProtocol = errors.New("not an answer of keyledger")

// ErrNoAnswer is returned where a request was sent, or may have been, and no
// answer came back whole: nothing says what became of it.
var ErrNoAnswer = errors.New("no answer")

// Error is a refusal. Nothing has changed, except where [Error.Code] is
// [ErrLedgerUnavailable] and the message says that it may have.
type Error struct {
	Status    int    // of HTTP
	Code      Code   // "" where something else than keyledger answered
	Message   string // for people: what is wrong and what to do
	Field     string // of the request; "" if no single one is at fault
	RequestID string // what the server's log knows the request by
	Command   string // what may have been written, where that is unknown

	// RetryAfter is how long the server asks to wait; 0 if it does not.
	RetryAfter time.Duration
	retry      bool // the server sent a Retry-After, if only of 0
}

// Error is the code, the field and the message.
func (e *Error) Error() string {
	parts := []string{string(e.Code), e.Field, e.Message}
	if e.Code == "" {
		parts[0] = fmt.Sprintf("status %d", e.Status)
	}
	var out []string
	for _, p := range parts {
		if p != "" {
			out = append(out, p)
		}
	}
	return strings.Join(out, ": ")
}

// Is matches the error's [Code], and [ErrProtocol] where it has none.
func (e *Error) Is(target error) bool {
	if target == ErrProtocol {
		return e.Code == ""
	}
	code, ok := target.(Code)
	return ok && code == e.Code
}
