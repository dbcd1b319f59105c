package lookup

import (
	"strings"
	"sync"
	"sync/atomic"

	"github.com/keyledger/keyledger/domain/scheme"
	"github.com/keyledger/keyledger/projections"
)

// epoch is what all entries have in common: the store they were read from, and
// the schemes. Another one begins where a scheme changes or a store is taken up,
// and outdates every entry made before.
type epoch struct {
	reader  projections.Reader
	rows    projections.Rows
	catalog *scheme.Catalog
	opaque  map[string]bool // schemes that this build does not understand
	owners  *owners
}

// active reads whether an account's keys may be accepted.
func (e *epoch) active(id string) (bool, error) {
	a, _, err := e.reader.Account(id)
	return a.Active(), err
}

// owners are the accounts whose keys have been asked for since the store was
// taken up, some 150 bytes each.
type owners struct {
	mu  sync.Mutex
	all map[string]*owner
}

// owner is an account; standing is nil until it has been read.
type owner struct{ standing atomic.Pointer[standing] }

// standing is whether an account's keys may be accepted. Every change makes
// another one, so that one that has been left and come back to is told apart.
type standing struct{ active bool }

// get returns an account and its standing, which read tells if it is not known.
// What read says is taken only while nothing newer has been said by change.
func (o *owners) get(id string, read func(id string) (active bool, err error)) (*owner, *standing, error) {
	o.mu.Lock()
	it, ok := o.all[id]
	if !ok {
		it = new(owner)
		o.all[strings.Clone(id)] = it
	}
	o.mu.Unlock()
	if s := it.standing.Load(); s != nil {
		return it, s, nil
	}
	active, err := read(id)
	if err != nil {
		return nil, nil, err
	}
	it.standing.CompareAndSwap(nil, &standing{active: active})
	return it, it.standing.Load(), nil
}

// change takes in that the rows now say this about an account. One that nobody
// has asked for is left to be read when somebody does.
func (o *owners) change(id string, active bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if it := o.all[id]; it != nil {
		it.standing.Store(&standing{active: active})
	}
}
