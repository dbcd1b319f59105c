package directory

import (
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/keyledger/keyledger/domain/account"
	"github.com/keyledger/keyledger/domain/apikey"
	"github.com/keyledger/keyledger/projections"
)

// ErrCursor is returned for a cursor that no list has given out.
var ErrCursor = errors.New("unknown cursor")

// KeyFilter says which keys to list. Empty fields ask nothing.
type KeyFilter struct {
	Account     string
	Environment string
	Kind        string
	Resource    string
	CreatedBy   string
	Status      string    // at the instant At
	At          time.Time // must be set where Status is
}

func (f KeyFilter) admits(k apikey.Key) bool {
	return (f.Account == "" || k.Account == f.Account) &&
		(f.Environment == "" || k.Environment == f.Environment) &&
		(f.Kind == "" || k.Kind == f.Kind) &&
		(f.Resource == "" || k.Resource == f.Resource) &&
		(f.CreatedBy == "" || k.CreatedBy == f.CreatedBy) &&
		(f.Status == "" || k.Status(f.At) == f.Status)
}

// list is the shortest list that has everything f admits.
func (f KeyFilter) list() []byte {
	switch {
	case f.Resource != "":
		return listOf(rowOfResource, f.Resource)
	case f.Account != "" && f.CreatedBy == "":
		return listOf(rowOfAccount, f.Account)
	case f.CreatedBy != "":
		return listOf(rowOfCreator, f.CreatedBy)
	default:
		return []byte{rowKeys}
	}
}

// Page says which part of a list to answer.
type Page struct {
	Limit  int    // 0 is DefaultPage; at most MaxPage
	Cursor string // of the page before; "" begins
}

// Keys is a page of a list of keys, in order of creation.
type Keys struct {
	Keys []apikey.Key
	Next string // cursor of the next page; "" where there is none
}

// Keys lists keys. A page may be shorter than asked for, or empty, and still
// have a next one: the work for one page is bounded.
func (d *Directory) Keys(f KeyFilter, p Page) (out Keys, err error) {
	out.Next, err = d.walk(f.list(), p, func(r projections.Reader, id string) (bool, error) {
		k, _, err := r.Key(id)
		if err != nil || !f.admits(k) {
			return false, err
		}
		out.Keys = append(out.Keys, k)
		return true, nil
	})
	if err != nil {
		return Keys{}, fmt.Errorf("list keys: %w", err)
	}
	return out, nil
}

// Accounts is a page of the list of accounts, in the order they were opened.
type Accounts struct {
	Accounts []account.Account
	Next     string // cursor of the next page; "" where there is none
}

// Accounts lists all accounts.
func (d *Directory) Accounts(p Page) (out Accounts, err error) {
	out.Next, err = d.walk([]byte{rowAccounts}, p, func(r projections.Reader, id string) (bool, error) {
		a, _, err := r.Account(id)
		if err != nil {
			return false, err
		}
		out.Accounts = append(out.Accounts, a)
		return true, nil
	})
	if err != nil {
		return Accounts{}, fmt.Errorf("list accounts: %w", err)
	}
	return out, nil
}

// walk goes through a list from the page's cursor on, all in one moment, until
// take has taken a page, and returns the cursor of the next one.
func (d *Directory) walk(list []byte, p Page, take func(projections.Reader, string) (bool, error)) (next string, err error) {
	after, err := readCursor(p.Cursor)
	if err != nil {
		return "", err
	}
	limit := p.Limit
	if limit <= 0 {
		limit = DefaultPage
	}
	limit = min(limit, MaxPage)
	snap := d.store.Snapshot()
	defer func() { err = errors.Join(err, snap.Close()) }()
	from := projections.AppendSequence(append([]byte(nil), list...), after+1)
	taken, seen := 0, 0
	err = snap.Rows(projections.Directory).Scan(from, projections.After(list), func(key, value []byte) (bool, error) {
		if taken == limit || seen == maxScan {
			next = cursor(after)
			return false, nil
		}
		ok, err := take(snap.Reader, string(value))
		if err != nil {
			return false, err
		}
		if ok {
			taken++
		}
		seen++
		after = projections.LastSequence(key)
		return true, nil
	})
	return next, err
}

// A cursor is the sequence of the last row seen. Its form is nobody's business.
func cursor(after uint64) string {
	return base64.RawURLEncoding.EncodeToString(projections.AppendSequence(nil, after))
}

func readCursor(s string) (uint64, error) {
	if s == "" {
		return 0, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || len(raw) != 8 || projections.LastSequence(raw)+1 == 0 {
		return 0, fmt.Errorf("%w: %q", ErrCursor, s)
	}
	return projections.LastSequence(raw), nil
}
