// Package breaker is a circuit breaker: something that failed is left alone for a while, then tried once, and left alone for longer if
// that fails too. It is pure: time is passed in, nothing waits, and one breaker has one user at a time.
//
//	closed ──Fail──► open ──Allow, when its pause is over──► half-open ──Succeed──► closed
//	                   ▲                                        │
//	                   └───────────────── Fail ─────────────────┘
package breaker

import "time"

// State is what a breaker lets pass.
type State uint8

// The states of a breaker.
const (
	Closed   State = iota // everything
	Open                  // nothing, until its pause is over
	HalfOpen              // one attempt is under way that decides
)

// String is the state's name, as SQL and metrics have it.
func (s State) String() string { return [...]string{"closed", "open", "half-open"}[s] }

// Settings say when a breaker opens and for how long.
type Settings struct {
	// Failures in a row open it; less than 1 means 1.
	Failures int
	// First is the pause after it has opened. Each failed attempt doubles it, up to Most.
	First, Most time.Duration
}

// Breaker is one circuit breaker. Make it with New.
type Breaker struct {
	settings Settings
	state    State
	failures int // in a row
	probes   int // that failed since it opened
	reason   string
	since    time.Time // of the state
	next     time.Time // when it lets an attempt pass
	opened   uint64
}

// New returns a closed breaker.
func New(s Settings) *Breaker {
	s.Failures = max(s.Failures, 1)
	return &Breaker{settings: s}
}

// Resume returns an open breaker that has failed before, in an earlier run.
func Resume(s Settings, now time.Time, failures int, reason string) *Breaker {
	b := New(s)
	b.failures, b.reason = max(failures, 1), reason
	b.open(now)
	return b
}

// Allow tells whether something may be tried now. When an open breaker's pause is over it allows one attempt; if nobody says how
// that ended, another one after as long a pause.
func (b *Breaker) Allow(now time.Time) bool {
	if b.state == Closed {
		return true
	}
	if now.Before(b.next) {
		return false
	}
	b.enter(HalfOpen, now)
	b.next = now.Add(b.pause())
	return true
}

// Fail notes an attempt that failed, and why.
func (b *Breaker) Fail(now time.Time, reason string) {
	b.failures++
	b.reason = reason
	switch {
	case b.state == HalfOpen:
		b.probes++
		b.open(now)
	case b.state == Closed && b.failures >= b.settings.Failures:
		b.probes = 0
		b.open(now)
	}
}

// Trip notes a failure after which trying again soon is of no use: the breaker opens at once.
func (b *Breaker) Trip(now time.Time, reason string) {
	if b.state == Closed {
		b.failures = max(b.failures, b.settings.Failures-1)
	}
	b.Fail(now, reason)
}

// Succeed notes an attempt that succeeded: the breaker is closed, as a new one is.
func (b *Breaker) Succeed(now time.Time) {
	b.failures, b.probes, b.reason = 0, 0, ""
	b.enter(Closed, now)
}

// Hurry ends the pause of an open breaker: there is reason to think that an attempt may succeed. The next pause begins anew.
func (b *Breaker) Hurry(now time.Time) {
	if b.state == Open && b.next.After(now) {
		b.next, b.probes = now, 0
	}
}

func (b *Breaker) open(now time.Time) {
	if b.state == Closed {
		b.opened++
	}
	b.enter(Open, now)
	b.next = now.Add(b.pause())
}

func (b *Breaker) enter(s State, now time.Time) {
	if b.state != s || b.since.IsZero() {
		b.state, b.since = s, now
	}
}

// pause grows with each attempt that failed.
func (b *Breaker) pause() time.Duration {
	d := b.settings.First
	for range b.probes {
		if d *= 2; d >= b.settings.Most {
			return b.settings.Most
		}
	}
	return d
}

// State is the present state.
func (b *Breaker) State() State { return b.state }

// Closed tells whether everything may pass.
func (b *Breaker) Closed() bool { return b.state == Closed }

// Reason is why the last attempt failed; "" if it did not.
func (b *Breaker) Reason() string { return b.reason }

// Failures is how many attempts have failed in a row.
func (b *Breaker) Failures() int { return b.failures }

// Since is when the present state began; the zero time if it never changed.
func (b *Breaker) Since() time.Time { return b.since }

// Next is when an attempt is allowed; of a closed breaker it says nothing.
func (b *Breaker) Next() time.Time { return b.next }

// Opened is how often the breaker has gone from closed to open.
func (b *Breaker) Opened() uint64 { return b.opened }
