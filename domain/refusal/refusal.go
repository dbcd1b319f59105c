// Package refusal is the vocabulary in which the rules say no. Each refusal has
// a code from a closed list, a sentence that says what to do, and, where one
// field of the request is at fault, its name. A refused command has changed
// nothing.
package refusal

import (
	"errors"
	"fmt"

	"github.com/keyledger/keyledger/domain/access"
)

// Code is a word of the closed vocabulary that callers program against.
type Code string

// Codes of refusals that are not decisions about a presented credential; those
// are the codes of package access.
const (
	InvalidRequest      Code = "invalid_request"
	ImmutableField      Code = "immutable_field"
	IdempotencyMismatch Code = "idempotency_mismatch"
	NotFound            Code = "not_found"
	Conflict            Code = "conflict"
	RevisionMismatch    Code = "revision_mismatch"
	EscalationRefused   Code = "escalation_refused"
	PermissionDenied    Code = Code(access.PermissionDenied)
	TooLarge            Code = "too_large"
	Unavailable         Code = "ledger_unavailable" // not written, or may have been: the message says which
)

// Error is a refusal.
type Error struct {
	Code    Code
	Field   string // of the request; "" if none
	Message string // for people; never contains what was presented as a secret
	Command string // the command's id where its outcome is unknown
	Cause   error  // for the node's log; clients are not told
}

func (e *Error) Error() string {
	if e.Field != "" {
		return fmt.Sprintf("%s: %s: %s", e.Code, e.Field, e.Message)
	}
	return fmt.Sprintf("%s: %s", e.Code, e.Message)
}

// Unwrap is the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Is matches errors of the same code, so that errors.Is(err,
// refusal.New(refusal.NotFound, "")) asks for the code alone.
func (e *Error) Is(target error) bool {
	other, ok := errors.AsType[*Error](target)
	return ok && other.Code == e.Code
}

// New is a refusal without a field.
func New(code Code, format string, args ...any) error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Invalid is an [InvalidRequest] that names the field at fault.
func Invalid(field, format string, args ...any) error {
	return &Error{Code: InvalidRequest, Field: field, Message: fmt.Sprintf(format, args...)}
}

// Credential is the refusal of the caller's own credential.
func Credential(code access.Code) error {
	return &Error{Code: Code(code), Message: credentialMessage(code)}
}

func credentialMessage(code access.Code) string {
	switch code {
	case access.Missing:
		return "present an API key with the request"
	case access.Malformed:
		return "what was presented is not an API key; check that it was copied whole"
	case access.Revoked:
		return "the API key has been revoked; use its replacement"
	case access.Expired:
		return "the API key has expired; ask for a new one"
	case access.Suspended:
		return "the API key is suspended; ask its owner to resume it"
	case access.AccountInactive:
		return "the account is not active"
	case access.EnvironmentMismatch:
		return "the API key belongs to another environment"
	case access.IPNotAllowed:
		return "the API key may not be used from this address"
	case access.PermissionDenied:
		return "the API key does not have the permission this needs"
	case access.Stale:
		return "this verifier has lost touch with the ledger; try another or try again"
	default:
		return "the API key is not known"
	}
}

// CodeOf returns the code of a refusal, "" for any other error.
func CodeOf(err error) Code {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return ""
}
