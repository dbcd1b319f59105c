// Package eventstest is what tests of the ledger stand on.
//
//   - [RunLog] is the conformance suite of [events.Log]: one subtest for each
//     promise of the contract. Every implementation runs it.
//   - [Memory] is a Log in memory that keeps the whole contract and fails where
//     it is told to, in every form in which a real broker fails.
//   - [History] builds valid pasts, with ids and times that are always the same.
package eventstest
