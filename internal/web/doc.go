// Package web is the relay's HTTP port, for machines that look after it:
//
//	/healthz      200 while the process lives
//	/readyz       200 when the relay does its work, else 503; the body says why (see [Readiness])
//	/metrics      Prometheus
//	/status.json  what octant status draws (see [watch.Snapshot])
//	/debug/pprof/ the Go runtime's profiles
//
// It only reads. It asks for no password, so it belongs on an address that only operators reach.
package web
