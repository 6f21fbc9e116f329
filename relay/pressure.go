package relay

import (
	"context"
	"sync/atomic"
	"time"
)

// Shortage is something that a relay has little left of.
type Shortage struct {
	Of     string // "disk", "memory"
	Detail string
	Remedy string
}

// pressure slows what comes in while something is short. Each transaction that is captured or received then waits, so that others get ahead of it: what
// merges, is read and is trimmed. It does not wait for long: it takes further transactions for the stable cut to move, and with it for room to
// come back. What is not taken in stays where it is, in the database's log and the peers'.
type pressure struct {
	short atomic.Pointer[[]Shortage] // nil: nothing
	eased Signal
}

// pressedWait is how long a transaction waits while something is short: at most ten come in a second from each side.
const pressedWait = 100 * time.Millisecond

// set takes what is short now.
func (p *pressure) set(short []Shortage) {
	if len(short) > 0 {
		p.short.Store(&short)
		return
	}
	p.short.Store(nil)
	p.eased.Raise()
}

func (p *pressure) list() []Shortage {
	if short := p.short.Load(); short != nil {
		return *short
	}
	return nil
}

// yield waits while something is short, for a while.
func (p *pressure) yield(ctx context.Context, c Clock) error {
	if p.short.Load() == nil {
		return nil
	}
	eased := p.eased.Next()
	if p.short.Load() == nil {
		return nil
	}
	select {
	case <-c.After(pressedWait):
	case <-eased:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return nil
}

// press finds out what is short and says so.
func (r *Relay) press() {
	short := r.cfg.Short()
	r.pressure.set(short)
	for _, s := range short {
		r.Report(Problem{
			Kind: s.Of + "_short", Subject: "relay", Remedy: s.Remedy,
			Detail: s.Detail + "; capture and peers are slowed down to ten transactions a second until there is room",
		})
	}
}
