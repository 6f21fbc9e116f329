package join

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/octant-db/octant/relay"
)

// collector reads this region's own transactions from its database's log, behind one, as capture would have: to the log's end.
type collector struct {
	self    relay.Region
	log     relay.Log
	state   relay.State
	copied  bool   // what comes is what the region's joining wrote
	behind  string // what comes up to this transaction is passed over; "": it has come
	applied []relay.SeqHLC
	clock   relay.Clock
	logger  *slog.Logger
	count   int

	ctx    context.Context
	end    context.CancelCauseFunc
	writer relay.EntryWriter
	size   int64
}

// errAtTheEnd ends the reading.
var errAtTheEnd = errors.New("the log has been read to its end")

func (c *collector) collect(ctx context.Context, source relay.Revisitor) error {
	last := c.behind
	from, behind, err := source.Before(ctx, last)
	if errors.Is(err, relay.ErrPurged) {
		return fmt.Errorf("%w: %w", ErrNoRemainder, err)
	}
	if err != nil {
		return fmt.Errorf("join: %w", err)
	}
	if behind {
		c.logger.Warn("the database's log can no longer be read from the last transaction that another region has; what was committed soon after it and not sent may be missing", "last", last)
		c.behind = ""
		for _, a := range c.applied { // marks may be missing, too: nothing shall be earlier than what its author had seen
			c.state.HLC = max(c.state.HLC, a.HLC)
		}
	}
	c.ctx, c.end = context.WithCancelCause(ctx)
	defer c.end(nil)
	defer c.drop()
	if err := source.Capture(c.ctx, from, c); !errors.Is(err, errAtTheEnd) {
		return fmt.Errorf("join: read what this region had committed: %w", err)
	}
	if c.copied {
		return fmt.Errorf("%w: it has begun to join before, and the database's log may have what that wrote", ErrNoRemainder)
	}
	if c.behind != "" {
		return fmt.Errorf("%w: the database's log does not have its last transaction that they have, %s", ErrNoRemainder, last)
	}
	return c.log.Local().WaitDurable(ctx, c.state.LSN)
}

// Append implements relay.Recorder.
func (c *collector) Append(native []byte) error {
	if c.behind != "" {
		return nil
	}
	if c.writer == nil {
		c.writer, c.size = c.log.Local().Begin(c.ctx), 0
	}
	c.size += int64(len(native))
	return c.writer.Append(native)
}

// Commit implements relay.Recorder: what is not this region's own only moves the clock and what it has seen.
func (c *collector) Commit(captured relay.Captured) error {
	if c.behind != "" {
		if captured.GTID == c.behind {
			c.behind = ""
		}
		return nil
	}
	captured = c.disown(captured)
	if m := captured.Mark; m != nil && m.Repair() && (m.HLC == relay.Joining || m.HLC == relay.Joined) {
		c.copied = m.HLC == relay.Joining
	}
	captured.Physical = earlier(captured.Physical, c.clock.Now())
	if c.copied && captured.Kind == relay.Local {
		captured.Kind = relay.History
	}
	e, next := c.state.Next(c.self, captured)
	if captured.Kind != relay.Local {
		c.drop()
		next.LSN = c.state.LSN // which has no entry of it
		c.state = next
		return nil
	}
	e.Size = c.size
	w := c.writer
	c.writer = nil
	if err := w.Commit(e, next); err != nil {
		return fmt.Errorf("keep transaction %d: %w", e.Seq, err)
	}
	c.state, c.count = next, c.count+1
	return nil
}

// disown takes a mark that no relay of this region can have written for what it is: somebody's rows.
func (c *collector) disown(captured relay.Captured) relay.Captured {
	m := captured.Mark
	switch {
	case m == nil:
	case captured.Kind != relay.Applied:
		captured.Mark = nil
	case m.Repair() != (m.Origin == c.self) || !m.Origin.Valid():
		captured.Kind, captured.Mark = relay.Local, nil
	}
	return captured
}

// CaughtUp implements relay.Recorder.
func (c *collector) CaughtUp() error {
	if c.writer == nil {
		c.end(errAtTheEnd)
	}
	return nil
}

// Report implements relay.Recorder.
func (c *collector) Report(p relay.Problem) {
	if c.behind != "" {
		return // the relay that is gone has told
	}
	c.logger.Warn("problem", "kind", p.Kind, "subject", p.Subject, "detail", p.Detail, "remedy", p.Remedy)
}

func (c *collector) drop() {
	if c.writer != nil {
		c.writer.Discard()
		c.writer = nil
	}
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
