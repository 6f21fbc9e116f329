package relay

import (
	"context"
	"errors"
	"sync/atomic"
	"time"
)

// Begun is for Sources: it tells when capture knows where it begins for the first time. What is committed from then on is captured as what it
// is; what stands in the log before it is history, a canary too. The zero value is ready for use.
type Begun struct {
	begun   atomic.Bool
	changed Signal
}

// beginWait is how long Wait waits.
const beginWait = 10 * time.Second

// Begin says that capture knows where it begins.
func (b *Begun) Begin() {
	b.begun.Store(true)
	b.changed.Raise()
}

// Wait returns once Begin was called. If that takes long it returns an error.
func (b *Begun) Wait(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, beginWait, errors.New("capture has not begun: see its state"))
	defer cancel()
	return b.changed.Wait(ctx, b.begun.Load)
}
