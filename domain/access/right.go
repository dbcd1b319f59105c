package access

import (
	"errors"
	"fmt"
	"slices"
)

// Right is what a caller may do to the ledger itself, apart from the permissions
// that a scheme's keys carry for their own product.
type Right string

// Management rights.
const (
	RightKeys     Right = "keys"
	RightAccounts Right = "accounts"
	RightMembers  Right = "members"
	RightSchemes  Right = "schemes"
	RightWebhooks Right = "webhooks"
	RightAudit    Right = "audit" // read everything, change nothing
	RightVerify   Right = "verify"
)

// Rights lists every management right.
func Rights() []Right {
	return []Right{RightKeys, RightAccounts, RightMembers, RightSchemes, RightWebhooks, RightAudit, RightVerify}
}

// ErrRight is returned for the name of no management right.
var ErrRight = errors.New("unknown management right")

// ParseRight reads the name of a right.
func ParseRight(s string) (Right, error) {
	if r := Right(s); slices.Contains(Rights(), r) {
		return r, nil
	}
	return "", fmt.Errorf("%w: %q, one of %v", ErrRight, s, Rights())
}
