package eventstest

import (
	"bytes"
	"encoding/binary"
	"strconv"
	"strings"

	"github.com/keyledger/keyledger/events"
)

// Account adds an account and returns its entity.
func (h *History) Account(id string) events.Entity {
	e := events.AccountEntity(id)
	h.Then(e, events.AccountOpened{Name: "Account " + id, Scheme: "web3pay"})
	return e
}

// Key adds a key of an account in environment live, as [NewKey] makes it, and
// returns its entity. Each edit may change what it is created with.
func (h *History) Key(account, id string, edit ...func(*events.KeyCreated)) events.Entity {
	e := events.KeyEntity("live", account, id)
	h.Then(e, h.NewKey(edit...))
	return e
}

// NewKey is a key about to be created, with a credential of its own.
func (h *History) NewKey(edit ...func(*events.KeyCreated)) events.KeyCreated {
	k := events.KeyCreated{
		Scheme: "web3pay", SchemeVersion: 1, Kind: "key", Name: "Production API Key",
		Permissions: []string{"onramp:create", "onramp:read", "transactions:read"},
		Credential:  h.Credential(),
	}
	for _, f := range edit {
		f(&k)
	}
	return k
}

// Credential is a credential that no other of h is like. Nobody knows a secret
// that fits it.
func (h *History) Credential() events.Credential {
	id := h.id(events.IDCredential)
	digits := strconv.FormatUint(h.serial, 36)
	locator := strings.Repeat("0", 8-len(digits)) + digits + "Test"
	count := binary.BigEndian.AppendUint64(nil, h.serial)
	return events.Credential{
		ID: id, Prefix: "wp3_live_sk_" + locator[:8], Locator: locator, Last4: locator[4:8],
		Alg: "kl1-sha256", Salt: bytes.Repeat(count, 2), Hash: bytes.Repeat(count, 4),
	}
}

// Rotated is a rotation from one credential to a new one of h.
func (h *History) Rotated(replaces string, edit ...func(*events.KeyRotated)) events.KeyRotated {
	r := events.KeyRotated{Credential: h.Credential(), Replaces: replaces}
	for _, f := range edit {
		f(&r)
	}
	return r
}
