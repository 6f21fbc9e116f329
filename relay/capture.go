package relay

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/octant-db/octant/breaker"
)

// capture reads the local database's log into the relay log.
type capture struct {
	r *Relay

	mu        sync.Mutex
	breaker   *breaker.Breaker
	state     State // after the last committed entry, durable or not
	connected bool
	caughtUp  bool
	levelAt   time.Time // when it was caught up last
	lastEvent time.Time
	since     time.Time // of connected, or of stopped
	err       error
	stop      context.CancelCauseFunc // of the session
	stopped   bool                    // by the operator, until the operator starts it
	running   bool                    // a session is under way
	changed   Signal                  // of stopped and running
	steering  sync.Mutex              // held while the operator's word is written down

	bytes atomic.Uint64 // captured since the start
}

func newCapture(r *Relay) (*capture, error) {
	stopped, err := loadSourceStopped(r.cfg.Facts)
	if err != nil {
		return nil, err
	}
	return &capture{r: r, state: r.cfg.Log.State(), stopped: stopped, since: r.started, breaker: breaker.New(linkPauses)}, nil
}

// run captures, and begins again when the database was lost, until ctx ends.
func (c *capture) run(ctx context.Context) error {
	for attempt := 0; ; attempt++ {
		if err := c.changed.Wait(ctx, func() bool { return !c.isStopped() }); err != nil {
			return err
		}
		before := c.position()
		err := c.session(ctx)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		c.lost(err)
		if c.position() != before {
			attempt = 0
		}
		if err := c.pause(ctx, c.rest(attempt)); err != nil {
			return err
		}
		if err := c.reload(ctx); err != nil {
			return err
		}
	}
}

// reconnectPause grows from 50 ms to 5 s.
func reconnectPause(attempt int) time.Duration {
	return min(50*time.Millisecond<<min(attempt, 8), 5*time.Second)
}

func (c *capture) session(parent context.Context) error {
	ctx, cancel := context.WithCancelCause(parent)
	defer cancel(nil)
	if !c.begin(cancel) {
		return errStopped
	}
	defer c.end()
	rec := &recorder{c: c, ctx: ctx}
	defer rec.discard()
	return c.r.cfg.Source.Capture(ctx, c.position(), rec)
}

// interrupt ends the session, so that what was committed and lost is read again even if the database has nothing more to say.
func (c *capture) interrupt(why error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stop != nil {
		c.stop(why)
	}
}

// reload takes up what the log really holds. A promise goes to disk behind everything that was committed; once it is there, that has
// been written or has failed.
func (c *capture) reload(ctx context.Context) error {
	for {
		c.mu.Lock()
		c.state.HLC++
		clock := c.state.HLC
		c.mu.Unlock()
		err := c.r.cfg.Log.Promise(ctx, clock)
		if err == nil {
			break
		}
		if err := c.r.endure(ctx, "write the relay log", err); err != nil {
			return err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	hlc := c.state.HLC
	c.state = c.r.cfg.Log.State()
	c.state.HLC = max(c.state.HLC, hlc)
	return nil
}

func (c *capture) position() Position {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state.Position
}

// lost notes that the connection ended, and why.
func (c *capture) lost(err error) {
	if errors.Is(err, errStopped) {
		c.note(false, nil)
		c.r.cfg.Logger.Info("capture was stopped by the operator")
		return
	}
	c.note(false, err)
	c.r.reconnects.Add(1)
	c.r.cfg.Logger.Warn("capture was interrupted", "error", err)
	switch {
	case errors.Is(err, ErrPurged):
		c.r.Report(Problem{
			Kind: "source_purged", Subject: "capture", Detail: err.Error(),
			Remedy: "transactions are missing between the relay log and what the database still has: this region must join again from another one",
		})
	case errors.Is(err, ErrDiverged):
		c.r.Report(Problem{
			Kind: "source_diverged", Subject: "capture", Detail: err.Error(),
			Remedy: "point the relay at the database that it captured from, or join the region again",
		})
	}
}

// idleClock raises the clock to physical time if the database has nothing that was not captured, and returns it; else 0.
func (c *capture) idleClock() HLC {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.caughtUp {
		return 0
	}
	c.state.HLC = max(c.state.HLC, HLC(c.r.wall().UnixMicro()))
	return c.state.HLC
}

func (c *capture) status() CaptureStatus {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := CaptureStatus{
		Connected: c.connected, CaughtUp: c.caughtUp, HLC: c.state.HLC, LastEvent: c.lastEvent,
		LSN: LSN(c.r.cfg.Log.Local().Last()), Merged: c.r.cfg.Applier.Merged(), Stopped: c.stopped, Since: c.since,
	}
	if c.err != nil {
		s.Err = c.err.Error()
	}
	return s
}

// recorder is the Recorder of one session.
type recorder struct {
	c      *capture
	ctx    context.Context
	writer EntryWriter
	size   int64
}

// Append implements Recorder.
func (r *recorder) Append(native []byte) error {
	if r.writer == nil {
		if err := r.c.r.pressure.yield(r.ctx, r.c.r.cfg.Clock); err != nil {
			return err
		}
		r.writer, r.size = r.c.r.cfg.Log.Local().Begin(r.ctx), 0
	}
	r.size += int64(len(native))
	return r.writer.Append(native)
}

// Commit implements Recorder: the entry gets its clock and its place, and goes to disk with the state that follows from it.
func (r *recorder) Commit(captured Captured) error {
	if r.writer == nil {
		return errors.New("commit an entry without bytes")
	}
	c := r.c
	c.mu.Lock()
	defer c.mu.Unlock()
	captured = c.r.disown(captured)
	captured.Physical = c.r.stampedBy(captured.Physical)
	e, next := c.state.Next(c.r.cfg.Region, captured)
	e.Size = r.size
	if captured.Patient {
		r.writer.Linger()
	}
	if err := r.writer.Commit(e, next); err != nil {
		return fmt.Errorf("commit entry %d: %w", e.LSN, err)
	}
	r.writer = nil
	c.bytes.Add(uint64(r.size))
	c.connect()
	c.state, c.caughtUp = next, false
	if !captured.Physical.IsZero() {
		c.lastEvent = c.committed(captured)
	}
	return nil
}

// committed is when the database committed an entry. PostgreSQL says of what was applied when its origin did, which may be hours before: here it was after capture had last been caught up.
func (c *capture) committed(entry Captured) time.Time {
	if entry.Kind == Applied && entry.Physical.Before(c.levelAt) {
		return c.levelAt
	}
	return entry.Physical
}

// disown takes a mark that this relay cannot have written for what it is: somebody's rows. A dump of another region's schema octant that
// was loaded here has such marks.
func (r *Relay) disown(c Captured) Captured {
	if c.Mark == nil || r.wrote(c.Mark) {
		if c.Kind != Applied {
			c.Mark = nil
		}
		return c
	}
	r.Report(Problem{
		Kind: "foreign_mark", Subject: "octant.applied",
		Detail: fmt.Sprintf("transaction %s has a mark that this relay did not write", c.GTID),
		Remedy: "leave schema octant out of what is loaded into a region that is running",
	})
	c.Kind, c.Mark = Local, nil
	return c
}

// wrote tells whether a mark can be ours: what it covers was received before.
func (r *Relay) wrote(m *Mark) bool {
	if m.Repair() {
		return m.Origin == r.cfg.Region
	}
	return m.Origin.Valid() && m.Origin != r.cfg.Region && r.cfg.Log.Received(m.Origin).Knows(m.Range.To)
}

// CaughtUp implements Recorder.
func (r *recorder) CaughtUp() error {
	r.c.mu.Lock()
	defer r.c.mu.Unlock()
	r.c.connect()
	if r.c.caughtUp = r.writer == nil; r.c.caughtUp {
		r.c.levelAt = r.c.r.wall()
	}
	return nil
}

// Report implements Recorder.
func (r *recorder) Report(p Problem) { r.c.r.Report(p) }

func (r *recorder) discard() {
	if r.writer != nil {
		r.writer.Discard()
	}
}
