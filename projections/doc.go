// Package projections turns the ledger into what is asked of it: who may do
// what now, which keys there are, who did what when.
//
// A node has one [Store], one [Runner] and one position. The Runner follows the
// log in order, folds every entity once, and hands each event with the state of
// its entity before and after to the projections, which write rows. The rows of
// all of them and the position go into the store in one atomic batch: that
// position is the only truth about how far anything has come. A crash replays
// from it and never skips.
//
// Everything in the store follows from the log, so a batch is not synced: after
// a power cut the store stands at an earlier position and the log delivers the
// rest again. Everything in the store is a function of the events up to its
// position alone. Where a delivery ended, what the clock said and in which order
// a map was walked leave no trace; [Store.Digest] proves it.
//
// What cannot be applied stops the Runner, which says where and why. Nothing is
// ever skipped.
package projections
