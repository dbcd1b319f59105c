// Package apikey is the key aggregate: what a key is ([Key]), what can be asked
// of it ([Command]), what follows from that ([Decide]) and how its state arises
// from its history ([Evolve]). It is pure; times, ids and credentials arrive
// inside the command.
package apikey
