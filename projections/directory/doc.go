// Package directory knows which keys, accounts and schemes there are. It is the
// state that commands decide on (ledger.View), and answers the lists.
//
// Lists are in the order in which things were created, which never changes, so
// a page that has been read stays right and a cursor resumes without repeating
// or missing anything.
package directory
