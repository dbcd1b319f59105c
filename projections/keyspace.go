package projections

import "fmt"

// Keyspace is the first byte of every row of one owner. This is the list of all
// of them; nobody writes outside their own.
type Keyspace byte

// Keyspaces of the store.
const (
	Meta      Keyspace = 0x01 // the store about itself: format, position
	State     Keyspace = 0x02 // the folded entities
	Lookup    Keyspace = 0x03 // credential -> what it admits
	Directory Keyspace = 0x04 // lists of keys and accounts; commands remembered
	Audit     Keyspace = 0x05 // the trail and its indexes
	Usage     Keyspace = 0x06 // what keys were used for
)

// end is above every key of every keyspace.
const end = 0xff

// Name is the name of the keyspace, and of the projection it belongs to.
func (k Keyspace) Name() string {
	switch k {
	case Meta:
		return "meta"
	case State:
		return "state"
	case Lookup:
		return "lookup"
	case Directory:
		return "directory"
	case Audit:
		return "audit"
	case Usage:
		return "usage"
	default:
		return fmt.Sprintf("keyspace-%02x", byte(k))
	}
}

// String is the name.
func (k Keyspace) String() string { return k.Name() }

func (k Keyspace) key(row []byte) []byte {
	out := make([]byte, 0, 1+len(row))
	return append(append(out, byte(k)), row...)
}

// bounds of all rows from lower up to and without upper; nil is no bound.
func (k Keyspace) bounds(lower, upper []byte) (from, until []byte) {
	if upper == nil {
		return k.key(lower), []byte{byte(k) + 1}
	}
	return k.key(lower), k.key(upper)
}
