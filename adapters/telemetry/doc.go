// Package telemetry is what a node tells its operator: structured logs that
// cannot carry a credential, and metrics. It is the one home of Prometheus;
// others count through the methods of [Metrics], which do nothing on a nil
// *Metrics, so that code under test needs none.
package telemetry
