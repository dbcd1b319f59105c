package keyledger_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/keyledger/keyledger"
)

func ExampleClient_CreateKey() {
	ctx := context.Background()
	c := keyledger.NewClient("https://keys.example.com", os.Getenv("KEYLEDGER_KEY"))

	// Sent twice under one Idempotency-Key, by this program or another, it makes
	// one key.
	key, err := c.CreateKey(ctx, keyledger.CreateKey{
		Name:        "checkout, production",
		Environment: "live",
		Permissions: []string{"onramp:create", "onramp:read"},
		Allowlist:   []string{"203.0.113.0/24"},
	}, keyledger.IdempotencyKey("onboarding-merchant-42"))
	switch {
	case errors.Is(err, keyledger.ErrEscalationRefused):
		fmt.Println("our own key may not grant that")
	case err != nil:
		fmt.Println(err)
	case !key.SecretAvailable:
		fmt.Println("created by an earlier request, which was shown the secret:", key.ID)
	default:
		handOver(key.Secret.Reveal())
	}
}

func handOver(string) {}

func ExampleClient_UpdateKey() {
	ctx := context.Background()
	c := keyledger.NewClient("https://keys.example.com", os.Getenv("KEYLEDGER_KEY"))

	key, err := c.Key(ctx, "key_01jd")
	if err != nil {
		fmt.Println(err)
		return
	}
	// What is not set stays. IfMatch refuses the change if somebody else has
	// changed the key since it was read.
	_, err = c.UpdateKey(ctx, key.ID, keyledger.KeyChange{
		Permissions: keyledger.Set([]string{"onramp:read"}),
		ExpiresAt:   keyledger.Set[*time.Time](nil), // never
	}, keyledger.IfMatch(key.Revision))
	if errors.Is(err, keyledger.ErrRevisionMismatch) {
		fmt.Println("changed meanwhile: read it again")
	}
}

func ExampleClient_Verify() {
	ctx := context.Background()
	c := keyledger.NewClient("http://127.0.0.1:8080", "")

	decision, err := c.Verify(ctx, keyledger.VerifyRequest{
		Key:         keyledger.NewSecret(os.Getenv("PRESENTED_KEY")),
		Environment: "live",
		Permissions: []string{"onramp:create"},
		IP:          "203.0.113.7",
	})
	switch {
	case err != nil:
		fmt.Println("nobody could say:", err) // not an answer: refuse
	case !decision.Valid:
		fmt.Println("refused:", decision.Code)
	default:
		fmt.Println("account", decision.Account, "by key", decision.KeyID)
	}
}

// A service that reacts to revocations keeps the sequence of the last event it
// has dealt with, and begins there the next time.
func ExampleClient_Follow() {
	ctx := context.Background()
	c := keyledger.NewClient("https://keys.example.com", os.Getenv("KEYLEDGER_KEY"))

	last := uint64(0) // from where it is kept
	err := c.Follow(ctx, keyledger.Subscription{EventFilter: keyledger.EventFilter{After: last}}, func(e keyledger.Event) error {
		if e.Type == "keyledger.key.revoked.v1" {
			fmt.Println("drop the sessions of", e.Subject)
		}
		last = e.Sequence // to where it is kept
		return nil
	})
	if errors.Is(err, keyledger.ErrKeyRevoked) {
		fmt.Println("our own key was revoked")
	}
}

func ExampleSecret() {
	key := keyledger.NewSecret("wp3_live_sk_" + "exampleexampleexampleexampleexampleexampleexample0")
	fmt.Println("issued", key)
	fmt.Printf("%+v\n", struct{ Key keyledger.Secret }{key})
	// Output:
	// issued wp3_live_sk_…ple0
	// {Key:wp3_live_sk_…ple0}
}
