package httpapi

import (
	"context"
	"net/http"

	"github.com/keyledger/keyledger/adapters/telemetry/edge"
	"github.com/keyledger/keyledger/domain/access"
	"github.com/keyledger/keyledger/domain/ledger"
)

func (a *api) registerKeySets() {
	register(a, operation{
		id: "create-keyset", method: http.MethodPost, path: "/v1/keysets", tag: tagKeys, status: http.StatusCreated,
		summary: "Create the keys of a set", rights: []access.Right{access.RightKeys}, body: newKeySet{},
		description: "All keys that the scheme issues together for one resource, or none of them. A resource has each set once. " +
			"The secrets are in this answer and nowhere else.",
	}, a.createKeySet)
}

// newKeySet is the body of a create.
type newKeySet struct {
	Set         string `json:"set" doc:"Of the account's scheme."`
	Name        string `json:"name,omitempty" maxLength:"96" doc:"Of every key; its kind is appended."`
	Environment string `json:"environment,omitempty" doc:"Optional where the scheme has one."`
	Resource    string `json:"resource" doc:"What the keys are bound to."`
	Account     string `json:"account,omitempty" doc:"Left out: the caller's."`
}

// KeySet is keys that were issued together, in the order of the scheme.
type KeySet struct {
	Keys            []IssuedKey `json:"keys" nullable:"false"`
	SecretAvailable bool        `json:"secret_available"`
	Position        uint64      `json:"position"`
}

func (a *api) createKeySet(ctx context.Context, c *caller, in *createKeyInput) (KeySet, error) {
	var b newKeySet
	if err := edge.Decode(in.RawBody, &b); err != nil {
		return KeySet{}, err
	}
	out, err := a.Ledger.CreateKeySet(ctx, c.by(in.RawBody), ledger.NewKeySet{
		Account: b.Account, Set: b.Set, Name: b.Name, Environment: b.Environment, Resource: b.Resource,
	})
	if err != nil {
		return KeySet{}, err
	}
	set := KeySet{SecretAvailable: out.Replayed == nil, Position: out.Position}
	for _, k := range out.Keys {
		set.Keys = append(set.Keys, issued(a.describe(k.Key), k.Minted, k.Outcome))
	}
	return set, nil
}
