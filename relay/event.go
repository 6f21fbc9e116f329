package relay

import (
	"context"
	"time"
)

// The kinds of events.
const (
	ConflictEvent     = "conflict"     // two writes that did not know of each other; see Conflict
	DeadLetterEvent   = "dead_letter"  // the local database refuses a row
	BreakerEvent      = "breaker"      // a circuit breaker has opened or closed
	DriftEvent        = "drift"        // another region's clock is ahead
	VerificationEvent = "verification" // a scheduled comparison found that the regions differ, or that they no longer do
)

// Event is something that happened and that people may want to be told of. It has no row values but keys.
type Event struct {
	Kind    string
	Subject string // a table, a peer
	Detail  string
	At      time.Time
	Fields  map[string]string // what a program may want to know: "reason", "key", …
}

// Notify takes an event. It never waits, and may be called while locks are held.
type Notify func(Event)

// Told returns once all events that a Notify has taken are on disk.
type Told func(context.Context) error
