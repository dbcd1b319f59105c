package jetstream

import (
	"fmt"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"
)

// User is someone who may connect to the embedded broker's listener. The zero
// value of both lists allows everything in the ledger's account.
type User struct {
	Name      string   // for the broker's log
	Publish   []string // subjects it may publish to; nil for all
	Subscribe []string // subjects it may subscribe to; nil for all
}

// Credentials makes a user of the broker whose folder is dir, and returns the
// text of its credentials file, which holds a private key. Nothing is told to
// the broker, so that it works while the broker runs, or does not.
func Credentials(dir string, u User) ([]byte, error) {
	id, err := readIdentity(dir)
	if err != nil {
		return nil, fmt.Errorf("make credentials: %w", err)
	}
	token, seed, err := id.user(u)
	if err != nil {
		return nil, fmt.Errorf("make credentials: %w", err)
	}
	return jwt.FormatUserConfig(token, seed)
}

// user makes a user: its signed token and its seed.
func (id identity) user(u User) (token string, seed []byte, err error) {
	account, err := nkeys.FromSeed([]byte(id.Account))
	if err != nil {
		return "", nil, fmt.Errorf("broker identity: account: %w", err)
	}
	pair, err := nkeys.CreateUser()
	if err != nil {
		return "", nil, err
	}
	public, err := pair.PublicKey()
	if err != nil {
		return "", nil, err
	}
	claims := jwt.NewUserClaims(public)
	claims.Name = u.Name
	claims.Pub.Allow.Add(u.Publish...)
	claims.Sub.Allow.Add(u.Subscribe...)
	if token, err = claims.Encode(account); err != nil {
		return "", nil, err
	}
	seed, err = pair.Seed()
	return token, seed, err
}
