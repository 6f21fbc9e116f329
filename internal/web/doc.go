// Package web is the relay's HTTP port, for machines that look after it; beside that it carries the pages for people, see internal/console:
//
//	/healthz      200 while the process lives
//	/readyz       200 when the relay does its work, else 503; the body says why (see [Readiness])
//	/metrics      Prometheus
//	/status.json  what octant status draws (see [watch.Snapshot])
//	/debug/pprof/ the Go runtime's profiles
//
// It only reads, and asks for no password, so it belongs on an address that only operators reach. The pages have logins of their own.
package web
