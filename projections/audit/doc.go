// Package audit is the trail: every event of the ledger byte for byte, found by
// entity, account, actor and time.
//
// The trail has no gaps. Its rows are numbered as the ledger is, and a query
// that meets a missing number fails instead of passing over it.
//
// # Time
//
// The order of events is their sequence. Their times come from the clocks of the
// nodes that decided them; a time can step back, and one node's clock can be
// years off. So there is no index in order of time. Instead the trail notes, for
// every thousand events and every million, the earliest and the latest time
// among them, and a query about a span of time passes over those that lie
// outside. It finds exactly the events whose own time is inside, in the order of
// the ledger, and one mad clock costs it a look at a few thousand events more.
package audit
