package httpapi

import (
	"strconv"
	"strings"
	"time"

	"github.com/keyledger/keyledger/domain/ledger"
	"github.com/keyledger/keyledger/domain/refusal"
)

// FenceQuery is what a narrowing change takes: whom to wait for, and for how long.
// There is nobody to wait for yet.
type FenceQuery struct {
	Wait    string `query:"wait" enum:"fence,none" doc:"Whether to wait until every verifier has taken it in. This version has no fence: both answer alike."`
	Timeout string `query:"timeout" doc:"For how long to wait, for example 10s."`
}

func (f FenceQuery) check() error {
	if f.Timeout == "" {
		return nil
	}
	d, err := parseDuration(f.Timeout)
	if err != nil || d <= 0 || d > maxFence {
		return refusal.Invalid("timeout", "use a duration up to %s, for example 10s", maxFence)
	}
	return nil
}

// applied refuses to answer from an index that does not have the change, which
// is written all the same.
func applied(out ledger.Outcome) error {
	if out.Applied {
		return nil
	}
	return &refusal.Error{
		Code: refusal.Unavailable, Command: out.Command,
		Message: "written at position " + strconv.FormatUint(out.Position, 10) +
			", but this node has stopped taking in the ledger and verifies nothing; ask another node, and see this one's log",
	}
}

// parseDuration reads what time.ParseDuration reads, and whole days as "90d".
func parseDuration(s string) (time.Duration, error) {
	days, ok := strings.CutSuffix(s, "d")
	if !ok {
		return time.ParseDuration(s)
	}
	n, err := strconv.ParseUint(days, 10, 16)
	return time.Duration(n) * 24 * time.Hour, err
}
