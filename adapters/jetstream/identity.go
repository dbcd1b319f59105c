package jetstream

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nkeys"
)

// identityFile, in the broker's folder, holds its three private keys.
const identityFile = "identity.json"

// identity is who the embedded broker is: the operator that it trusts, the
// account that owns the ledger, and the broker's own system account. Streams are
// stored under the public key of the account, so the keys live as long as the
// streams do. Whoever has the file can make users of the bus, offline.
type identity struct {
	Operator string `json:"operator"` // nkey seeds
	Account  string `json:"account"`
	System   string `json:"system"`
}

// openIdentity reads the identity in dir, or makes one where there is neither
// an identity nor anything stored under an earlier one.
func openIdentity(dir string) (identity, error) {
	id, err := readIdentity(dir)
	if !errors.Is(err, fs.ErrNotExist) {
		return id, err
	}
	if stored, err := filepath.Glob(filepath.Join(dir, "jetstream", "*", "streams", "*")); err != nil || len(stored) > 0 {
		return id, fmt.Errorf("%s is missing, but %s holds streams: restore it, they cannot be reached without",
			identityFile, dir)
	}
	for _, k := range []struct {
		seed   *string
		create func() (nkeys.KeyPair, error)
	}{
		{&id.Operator, nkeys.CreateOperator},
		{&id.Account, nkeys.CreateAccount},
		{&id.System, nkeys.CreateAccount},
	} {
		pair, err := k.create()
		if err != nil {
			return id, fmt.Errorf("make broker identity: %w", err)
		}
		seed, err := pair.Seed()
		if err != nil {
			return id, fmt.Errorf("make broker identity: %w", err)
		}
		*k.seed = string(seed)
	}
	text, err := json.Marshal(id)
	if err != nil {
		return id, fmt.Errorf("make broker identity: %w", err)
	}
	if err := writeDurably(filepath.Join(dir, identityFile), append(text, '\n')); err != nil {
		return id, fmt.Errorf("make broker identity: %w", err)
	}
	return id, nil
}

func readIdentity(dir string) (identity, error) {
	var id identity
	text, err := os.ReadFile(filepath.Join(dir, identityFile))
	if err != nil {
		return id, fmt.Errorf("broker identity: %w", err)
	}
	if err := json.Unmarshal(text, &id); err != nil {
		return id, fmt.Errorf("broker identity %s: %w", filepath.Join(dir, identityFile), err)
	}
	return id, nil
}

// introduce tells the broker about its operator and its accounts, and returns
// the public key of the one that owns the ledger. From then on nobody connects
// who is not a user of that account.
func (id identity) introduce(options *server.Options) (owner string, err error) {
	operator, account, system, err := id.claims()
	if err != nil {
		return "", err
	}
	accounts := &server.MemAccResolver{}
	for _, a := range []signed{account, system} {
		if err := accounts.Store(a.public, a.token); err != nil {
			return "", fmt.Errorf("broker identity: %w", err)
		}
	}
	options.TrustedOperators = append(options.TrustedOperators, operator)
	options.SystemAccount = system.public
	options.AccountResolver = accounts
	return account.public, nil
}

// claims are the operator's claims, and for each account its public key and its
// signed token.
func (id identity) claims() (operator *jwt.OperatorClaims, account, system signed, err error) {
	signer, err := nkeys.FromSeed([]byte(id.Operator))
	if err != nil {
		return nil, account, system, fmt.Errorf("broker identity: operator: %w", err)
	}
	public, err := signer.PublicKey()
	if err != nil {
		return nil, account, system, fmt.Errorf("broker identity: operator: %w", err)
	}
	if system, err = signAccount(id.System, signer, systemClaims); err != nil {
		return nil, account, system, err
	}
	if account, err = signAccount(id.Account, signer, ledgerClaims(system.public)); err != nil {
		return nil, account, system, err
	}
	operator = jwt.NewOperatorClaims(public)
	operator.Name = "keyledger"
	operator.SystemAccount = system.public
	token, err := operator.Encode(signer)
	if err != nil {
		return nil, account, system, fmt.Errorf("broker identity: operator: %w", err)
	}
	operator, err = jwt.DecodeOperatorClaims(token)
	return operator, account, system, err
}

// signed is an account: its public key, and the token that says so.
type signed struct{ public, token string }

// aboutServers is how a client asks what the broker is: a ledger node of another
// process needs the answer to know that writes are synced.
const aboutServers = "$SYS.REQ.SERVER.PING.VARZ"

// systemClaims lets the ledger's account ask about the broker.
func systemClaims(c *jwt.AccountClaims) {
	c.Name = "system"
	c.Exports.Add(&jwt.Export{
		Name: "about servers", Subject: aboutServers, Type: jwt.Service, ResponseType: jwt.ResponseTypeStream,
	})
}

// ledgerClaims gives the ledger's account JetStream; its bounds are the broker's.
func ledgerClaims(system string) func(*jwt.AccountClaims) {
	return func(c *jwt.AccountClaims) {
		c.Name = "keyledger"
		c.Limits.JetStreamLimits = jwt.JetStreamLimits{
			MemoryStorage: jwt.NoLimit, DiskStorage: jwt.NoLimit, Streams: jwt.NoLimit,
			Consumer: jwt.NoLimit, MaxAckPending: jwt.NoLimit,
		}
		c.Imports.Add(&jwt.Import{
			Name: "about servers", Subject: aboutServers, Account: system, Type: jwt.Service,
		})
	}
}

func signAccount(seed string, operator nkeys.KeyPair, claim func(*jwt.AccountClaims)) (signed, error) {
	pair, err := nkeys.FromSeed([]byte(seed))
	if err != nil {
		return signed{}, fmt.Errorf("broker identity: account: %w", err)
	}
	public, err := pair.PublicKey()
	if err != nil {
		return signed{}, fmt.Errorf("broker identity: account: %w", err)
	}
	claims := jwt.NewAccountClaims(public)
	claim(claims)
	token, err := claims.Encode(operator)
	if err != nil {
		return signed{}, fmt.Errorf("broker identity: account %s: %w", claims.Name, err)
	}
	return signed{public, token}, nil
}
