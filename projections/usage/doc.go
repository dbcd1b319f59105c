// Package usage knows when each key and each credential was last used, to the
// second, by what the verifier of this node tells it.
//
// Telling it is cheap enough for the path of a verification: a look at a map in
// memory. Once a second what is new is written to a small store of its own, with
// a sync. A process that dies loses what it was told since the last write, which
// is the last second, and the writing itself if it was under way; one that is
// closed loses nothing. What is lost is only that: a key that goes on being used
// is told of again.
//
// It also hears when a credential is used for which an older one of its key has
// been waiting, and passes that on to whoever ends the older one.
package usage
