package applier

import (
	"context"
	"errors"

	"github.com/octant-db/octant/relay"
)

var errPaused = errors.New("paused by the operator")

// Pause stops applying an origin's transactions, Resume goes on. What is being committed is finished.
func (a *Applier) Pause(r relay.Region, paused bool) {
	o := a.originOf(r)
	if o == nil {
		return
	}
	o.mu.Lock()
	o.paused = paused
	if paused && o.stop != nil {
		o.stop(errPaused)
	}
	o.mu.Unlock()
	o.woken.Raise()
}

var errTakenBack = errors.New("its origin has taken back what it had sent ahead")

// TakeBack implements relay.Applier.
func (a *Applier) TakeBack(ctx context.Context, r relay.Region) error {
	o := a.originOf(r)
	if o == nil {
		return nil
	}
	o.mu.Lock()
	session := o.sessions
	if o.busy {
		o.stop(errTakenBack)
	}
	o.mu.Unlock()
	return o.ended.Wait(ctx, func() bool { return !o.inSession(session) })
}

// inSession tells whether the session with that number is still going on.
func (o *origin) inSession(number int) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.busy && o.sessions == number
}

func (o *origin) isPaused() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.paused
}

// begin notes that a session begins, and how it is stopped.
func (o *origin) begin(stop context.CancelCauseFunc) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.stop, o.busy = stop, true
	o.sessions++
}

func (o *origin) end() {
	o.mu.Lock()
	o.busy = false
	o.mu.Unlock()
	o.ended.Raise()
}
