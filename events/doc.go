// Package events holds the facts of the ledger: what can happen to a key or an
// account, the envelope each fact travels in, its bytes on the wire, and the
// contract of the [Log] that keeps them.
//
// # Wire promise
//
// The payload of a stored event is one JSON object, a CloudEvent (v1.0.2,
// structured mode, application/cloudevents+json). Those bytes are the evidence:
// an audit leaf is the hash of exactly them, an export is a file of them, one a
// line. Therefore:
//
//   - a field, once shipped, keeps its name and its meaning;
//   - new fields are optional, and absent when unset;
//   - a change that cannot be additive is a new version of the type, with a pure
//     upcaster at the codec's edge, so that every fold sees only today's types;
//   - a golden file that has shipped is never edited. If its test fails, take
//     another approach;
//   - no floating-point numbers.
//
// A type this build does not know decodes to [Unknown]. Every fold says what it
// does with it; none may drop it silently.
package events
