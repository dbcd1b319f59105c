package ledger

import (
	"context"
	"hash/fnv"
	"slices"
)

// locks keep the commands of one node from undoing one another's decisions. They
// are striped, and waited for no longer than a context lasts. Nothing is wrong
// without them: the log's expectations decide. They only spare the attempts.
type locks [stripes]stripe

// stripe is held by one command that writes to an entity, or shared by several
// that rely on its not moving. Whoever wants it alone keeps the gate while the
// others leave, so that nobody is passed over for ever.
type stripe struct {
	gate   chan struct{}
	places chan struct{}
}

// claim is an entity that a command writes to, or only relies on.
type claim struct {
	id     string
	shared bool
}

func writes(id string) claim   { return claim{id: id} }
func reliesOn(id string) claim { return claim{id: id, shared: true} }

func newLocks() (l locks) {
	for i := range l {
		l[i] = stripe{gate: make(chan struct{}, 1), places: make(chan struct{}, shares)}
	}
	return l
}

// lock takes what is claimed, in one order for everybody.
func (l *locks) lock(ctx context.Context, claims []claim) (unlock func(), err error) {
	places := map[int]int{} // stripe -> places wanted
	for _, c := range claims {
		h := fnv.New32a()
		_, _ = h.Write([]byte(c.id)) // a hash.Hash never fails
		i := int(h.Sum32() % stripes)
		if c.shared {
			places[i] = max(places[i], 1)
		} else {
			places[i] = shares
		}
	}
	var held []int
	unlock = func() {
		for _, i := range held {
			l[i].leave(places[i])
		}
	}
	for _, i := range sortedKeys(places) {
		if err := l[i].enter(ctx, places[i]); err != nil {
			unlock()
			return nil, err
		}
		held = append(held, i)
	}
	return unlock, nil
}

// enter takes n places, or none.
func (s stripe) enter(ctx context.Context, n int) error {
	if err := take(ctx, s.gate); err != nil {
		return err
	}
	defer func() { <-s.gate }()
	for got := range n {
		if err := take(ctx, s.places); err != nil {
			s.leave(got)
			return err
		}
	}
	return nil
}

func (s stripe) leave(n int) {
	for range n {
		<-s.places
	}
}

func take(ctx context.Context, from chan struct{}) error {
	select {
	case from <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func sortedKeys(m map[int]int) []int {
	keys := make([]int, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
