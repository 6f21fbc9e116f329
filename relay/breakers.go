package relay

import "time"

// BreakerStatus is a circuit breaker: what is left alone for a while because it failed.
type BreakerStatus struct {
	Scope    string // "row", "table", "peer", "relay"
	Subject  string // which one
	State    string // "closed", "open", "half-open"
	Reason   string // why the last attempt failed
	Failures int    // in a row
	Opened   uint64 // how often, since the start
	Since    time.Time
	Next     time.Time // when it is tried again
}
