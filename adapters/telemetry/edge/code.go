package edge

import (
	"net/http"

	"github.com/keyledger/keyledger/domain/access"
	"github.com/keyledger/keyledger/domain/refusal"
)

// Codes that only a transport can give.
const (
	TooLarge    refusal.Code = "too_large"
	Unsupported refusal.Code = "unsupported_media_type"
	Internal    refusal.Code = "internal"
)

// Status is the HTTP status of a code. The list is closed: a code that is not on
// it has no business in an answer and counts as internal.
func Status(code refusal.Code) int {
	switch code {
	case refusal.Code(access.Missing), refusal.Code(access.Malformed), refusal.Code(access.Invalid),
		refusal.Code(access.Revoked), refusal.Code(access.Expired), refusal.Code(access.Suspended),
		refusal.Code(access.AccountInactive):
		return http.StatusUnauthorized
	case refusal.PermissionDenied, refusal.EscalationRefused,
		refusal.Code(access.IPNotAllowed), refusal.Code(access.EnvironmentMismatch):
		return http.StatusForbidden
	case refusal.NotFound:
		return http.StatusNotFound
	case refusal.Conflict:
		return http.StatusConflict
	case refusal.RevisionMismatch:
		return http.StatusPreconditionFailed
	case TooLarge:
		return http.StatusRequestEntityTooLarge
	case Unsupported:
		return http.StatusUnsupportedMediaType
	case refusal.InvalidRequest, refusal.ImmutableField, refusal.IdempotencyMismatch:
		return http.StatusUnprocessableEntity
	case refusal.Unavailable, refusal.Code(access.Stale):
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// Codes lists every code that an answer can have, in the order of the contract.
func Codes() []refusal.Code {
	return []refusal.Code{
		refusal.Code(access.Missing), refusal.Code(access.Malformed), refusal.Code(access.Invalid),
		refusal.Code(access.Revoked), refusal.Code(access.Expired), refusal.Code(access.Suspended),
		refusal.Code(access.AccountInactive),
		refusal.PermissionDenied, refusal.Code(access.IPNotAllowed), refusal.Code(access.EnvironmentMismatch),
		refusal.EscalationRefused, refusal.NotFound, refusal.Conflict, refusal.RevisionMismatch, TooLarge, Unsupported,
		refusal.InvalidRequest, refusal.ImmutableField, refusal.IdempotencyMismatch,
		refusal.Code(access.Stale), refusal.Unavailable, Internal,
	}
}
