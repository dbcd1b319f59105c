// Package projectionstest has what tests of read models stand on: random pasts
// that a ledger could have, and stores that run over them and are crashed.
package projectionstest
