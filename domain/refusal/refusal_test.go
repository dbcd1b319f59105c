package refusal_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/keyledger/keyledger/domain/access"
	"github.com/keyledger/keyledger/domain/refusal"
)

func TestARefusalIsKnownByItsCodeAlone(t *testing.T) {
	err := fmt.Errorf("create key: %w", refusal.Invalid("name", "give the key a name"))
	if got := refusal.CodeOf(err); got != refusal.InvalidRequest {
		t.Errorf("code %q", got)
	}
	if !errors.Is(err, refusal.New(refusal.InvalidRequest, "")) {
		t.Error("not the refusal that it is")
	}
	if errors.Is(err, refusal.New(refusal.NotFound, "")) || errors.Is(err, errors.New("invalid_request")) {
		t.Error("another refusal")
	}
	var refused *refusal.Error
	if !errors.As(err, &refused) || refused.Field != "name" || refused.Error() != "invalid_request: name: give the key a name" {
		t.Errorf("%+v", refused)
	}
	if got := refusal.New(refusal.NotFound, "no such %s", "key").Error(); got != "not_found: no such key" {
		t.Error(got)
	}
	if refusal.CodeOf(nil) != "" || refusal.CodeOf(errors.New("x")) != "" {
		t.Error("what is no refusal has a code")
	}
}

func TestEveryDecisionAgainstACredentialSaysWhatToDo(t *testing.T) {
	said := map[string]access.Code{}
	for _, code := range []access.Code{
		access.Missing, access.Malformed, access.Invalid, access.AccountInactive, access.Revoked, access.Expired, access.Suspended,
		access.EnvironmentMismatch, access.IPNotAllowed, access.PermissionDenied, access.Stale,
	} {
		var refused *refusal.Error
		if err := refusal.Credential(code); !errors.As(err, &refused) || refused.Code != refusal.Code(code) || refused.Message == "" {
			t.Errorf("%s: %v", code, err)
			continue
		}
		if other, ok := said[refused.Message]; ok {
			t.Errorf("%s and %s say the same", code, other)
		}
		said[refused.Message] = code
	}
}
