package relay

import (
	"time"

	"github.com/octant-db/octant/breaker"
)

// BreakerStatus is a circuit breaker: what is left alone for a while because it failed.
type BreakerStatus struct {
	Scope    string // "row", "table", "peer", "relay"
	Subject  string // which one
	State    string // "closed", "open", "half-open"
	Reason   string // why the last attempt failed
	Failures int    // in a row
	Opened   uint64 // how often, since the start
	Since    time.Time
	Next     time.Time // when it is tried again; the zero time if it is closed
}

// StatusOf shows a breaker.
func StatusOf(scope, subject string, b *breaker.Breaker) BreakerStatus {
	s := BreakerStatus{
		Scope: scope, Subject: subject, State: b.State().String(), Reason: b.Reason(), Failures: b.Failures(), Opened: b.Opened(), Since: b.Since(),
	}
	if !b.Closed() {
		s.Next = b.Next()
	}
	return s
}

// linkPauses are of what is reached over a network: the local database's log, and peers. Short interruptions do not open a breaker.
var linkPauses = breaker.Settings{Failures: 5, First: time.Second, Most: 5 * time.Second}

// Breakers implements Inspector.
func (r *Relay) Breakers() []BreakerStatus {
	list := []BreakerStatus{r.capture.breakerStatus()}
	for _, p := range r.peers {
		list = append(list, p.breakerStatus())
	}
	return append(list, r.cfg.Applier.Breakers()...)
}

// BreakerChanged is the event of a breaker that has opened or closed. False: it has done neither since it was as it was then.
func BreakerChanged(scope, subject string, was bool, b *breaker.Breaker) (Event, bool) {
	if was == b.Closed() {
		return Event{}, false
	}
	state := "open"
	if b.Closed() {
		state = "closed"
	}
	return Event{
		Kind: BreakerEvent, Subject: subject, Detail: b.Reason(), Fields: map[string]string{"scope": scope, "state": state},
	}, true
}

// tell passes an event on, if there is one.
func (r *Relay) tell(e Event, is bool) {
	if is {
		r.cfg.Notify(e)
	}
}
