// Package jetstream keeps the ledger on NATS JetStream, and is the only home of
// nats.go and nats-server in this module.
//
// [Start] runs a broker inside the process, [Connect] uses one that is already
// there; both give a [Broker], whose [Broker.Ledger] is the [events.Log].
//
// # What is trusted
//
// An acknowledgement is believed when the broker syncs every write before it
// answers: the embedded broker is told to, an external one has to prove it.
// Beyond that no single copy is believed. JetStream may lose, skip or renumber
// messages without an error when a disk lies or a file is damaged, and its Go
// client resets an ordered consumer without saying so. Therefore the Log
//
//   - manages its consumers itself, and resumes each at the last event it has
//     read, whose bytes must be the same;
//   - refuses a sequence that is not the last plus one;
//   - refuses an acknowledgement below what it has already seen.
//
// Each of these ends in [events.ErrDamaged], for good.
//
// # What is left to the file system
//
// With sync-always the broker syncs the file a message is in before it
// acknowledges, and the folders of its metadata. It syncs neither the folders it
// makes nor the folder in which it makes a new block file, about every 8 MiB. On
// the embedded broker this package does: all of them in [Start] and
// [Broker.Ledger], and the folder of the blocks before an append of this process
// returns. An append of another process through the listener, or to an external
// broker, rests on the file system for the entry of a new block: ext4, xfs and
// btrfs write it with the first sync of the new file, POSIX alone does not
// promise it.
package jetstream
