package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/keyledger/keyledger/domain/ledger"
)

const (
	rootFile = "root.key"
	// A secret that may or may not have become the root key's. It is written
	// before the ledger is asked, so that no crash can leave a ledger whose root
	// key nobody knows.
	rootCandidate = "root.key.new"
)

// ensureRoot creates the root key of a new ledger and leaves its secret in
// root.key. It returns the path of that file where this call wrote it, and ""
// where the ledger had a root key already.
func (d *dataFolder) ensureRoot(ctx context.Context, l *ledger.Ledger) (path string, err error) {
	exists, err := l.HasRoot()
	if err != nil {
		return "", err
	}
	if !exists {
		minted, err := l.MintRoot()
		if err != nil {
			return "", fmt.Errorf("mint root key: %w", err)
		}
		if err := d.write(rootCandidate, []byte(minted.Secret.Reveal()+"\n")); err != nil {
			return "", err
		}
		if _, err := l.CreateRoot(ctx, minted); err != nil {
			return "", err
		}
	}
	return d.settleRoot(l)
}

// settleRoot makes the candidate root.key if it is the root key's secret, and
// removes it otherwise: another node then came first and has the secret.
func (d *dataFolder) settleRoot(l *ledger.Ledger) (path string, err error) {
	raw, err := os.ReadFile(d.path(rootCandidate))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("root key: %w", err)
	}
	ours, err := l.IsRoot(strings.TrimSpace(string(raw)))
	if err != nil {
		return "", err
	}
	if !ours {
		return "", d.remove(rootCandidate)
	}
	if err := d.rename(rootCandidate, rootFile); err != nil {
		return "", fmt.Errorf("root key: %w", err)
	}
	return d.path(rootFile), nil
}
