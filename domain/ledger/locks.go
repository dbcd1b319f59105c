package ledger

import (
	"context"
	"hash/fnv"
	"slices"
)

// locks are striped, and can be waited for no longer than a context lasts.
type locks [stripes]chan struct{}

func newLocks() (l locks) {
	for i := range l {
		l[i] = make(chan struct{}, 1)
	}
	return l
}

// lock takes the stripes of all ids, in one order for everybody.
func (l *locks) lock(ctx context.Context, ids []string) (unlock func(), err error) {
	var wanted []int
	for _, id := range ids {
		h := fnv.New32a()
		_, _ = h.Write([]byte(id)) // a hash.Hash never fails
		wanted = append(wanted, int(h.Sum32()%stripes))
	}
	slices.Sort(wanted)
	wanted = slices.Compact(wanted)
	held := 0
	unlock = func() {
		for _, i := range wanted[:held] {
			<-l[i]
		}
	}
	for _, i := range wanted {
		select {
		case l[i] <- struct{}{}:
			held++
		case <-ctx.Done():
			unlock()
			return nil, ctx.Err()
		}
	}
	return unlock, nil
}
