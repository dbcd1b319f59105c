// Package edge is what every HTTP surface of a node shares: the id, the count
// and the log line of a request, what becomes of a panic, how a body is read,
// and the envelope of every answer. The vocabulary of refusals is mapped to
// statuses here and nowhere else.
//
// It stands below telemetry because adapters do not see one another and all of
// them see telemetry.
package edge
