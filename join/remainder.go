package join

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/octant-db/octant/relay"
)

// Remainder sends what a region had committed and no other one has received, before it becomes the copy of one of them: its relay's log is lost, and its database's is not. The
// others tell which of its transactions is the last that any of them has, and give it to those that lack it; what its database's log has behind that one follows, under the
// numbers and with the clocks that it would have had. Applications must not write meanwhile.
type Remainder struct {
	Self    relay.Hello
	Members []Member // the other regions, the donor first
	Source  relay.Revisitor
	Log     Scratch
	Dialer  relay.Dialer
	// Applied is what the database's ledger says of the other regions' transactions.
	Applied []relay.SeqHLC
	// Serve lets the other regions subscribe, until ctx ends.
	Serve  func(ctx context.Context, p relay.Publisher) error
	Clock  relay.Clock
	Logger *slog.Logger
}

// Scratch is an empty relay log for what is sent.
type Scratch interface {
	relay.Log
	Adopt(context.Context, relay.State) error
}

// ErrNoRemainder says that nothing can be sent, or is to be, and why.
var ErrNoRemainder = errors.New("nothing that this region had committed is sent to the others")

// admitEvery is how often the others are asked whether they have everything.
const admitEvery = 200 * time.Millisecond

// Send returns how many transactions no other region had, when all of them have everything and the donor's database shows it.
func (r *Remainder) Send(ctx context.Context) (int, error) {
	known, err := r.ask(ctx)
	if err != nil {
		return 0, err
	}
	last, err := r.fetch(ctx, known)
	if err != nil {
		return 0, fmt.Errorf("join: take over what region %s has of this one: %w", known.richest.Name, err)
	}
	state := r.Log.State()
	state.HLC = max(state.HLC, known.promised)
	c := &collector{self: r.Self.Region, log: r.Log, state: state, behind: last.GTID, applied: r.Applied, clock: r.Clock, logger: r.Logger}
	if err := c.collect(ctx, r.Source); err != nil {
		return 0, err
	}
	return c.count, r.give(ctx, c.state.Seq)
}

// heard is what the other regions have of this one.
type heard struct {
	richest     Member
	least, most relay.Seq
	promised    relay.HLC
}

func (r *Remainder) ask(ctx context.Context) (heard, error) {
	var h heard
	for i, m := range r.Members {
		a, err := admit(ctx, m, r.Self)
		if err != nil {
			return h, err
		}
		if a.Parted {
			return h, fmt.Errorf("%w: it was evicted", ErrNoRemainder)
		}
		last := a.Received.Seq
		if i == 0 || last < h.least {
			h.least = last
		}
		if i == 0 || last > h.most {
			h.richest, h.most = m, last
		}
		h.promised = max(h.promised, a.Promised)
	}
	if h.most == 0 {
		return h, fmt.Errorf("%w: they have nothing of it yet, so it is not known where to begin", ErrNoRemainder)
	}
	return h, nil
}

// fetch takes over the last transaction that any region has, and those before it that another one lacks.
func (r *Remainder) fetch(ctx context.Context, h heard) (last relay.Transaction, err error) {
	first := max(1, min(h.least+1, h.most))
	if err := r.Log.Adopt(ctx, relay.State{Seq: first - 1}); err != nil {
		return last, err
	}
	_, feed, err := r.Dialer.Subscribe(ctx, h.richest.Peer, r.Self, relay.Want{Origin: r.Self.Region, First: first})
	if err != nil {
		return last, err
	}
	defer feed.Close() //nolint:errcheck // the connection is given up
	in := &copyist{log: r.Log}
	defer in.discard()
	for in.done.Seq < h.most {
		m, err := feed.Next(ctx)
		if err == nil {
			err = in.take(ctx, m)
		}
		if err != nil {
			return last, err
		}
	}
	return in.done, r.Log.Local().WaitDurable(ctx, relay.LSN(h.most-first+1))
}

// copyist writes transactions of this region that another one has into the log again, as they were.
type copyist struct {
	log           relay.Log
	writer        relay.EntryWriter
	current, done relay.Transaction
}

func (c *copyist) take(ctx context.Context, m relay.Message) error {
	switch {
	case m.Transaction != nil:
		c.writer, c.current = c.log.Local().Begin(ctx), *m.Transaction
		return nil
	case c.writer == nil:
		return nil // a heartbeat
	case !m.End:
		return c.writer.Append(m.Chunk)
	}
	t, w := c.current, c.writer
	c.writer = nil
	err := w.Commit(relay.Entry{
		Kind: relay.Local, HLC: t.HLC, Seq: t.Seq, Deps: t.Deps, Time: t.Time, GTID: t.GTID, Flavour: t.Flavour, Size: t.Size,
	}, relay.State{HLC: t.HLC, Seq: t.Seq, Seen: seenBy(t.Deps)})
	c.done = t
	return err
}

func (c *copyist) discard() {
	if c.writer != nil {
		c.writer.Discard()
	}
}

// seenBy is what a transaction's author had seen. The numbers are not known, and not needed.
func seenBy(deps relay.Vector) []relay.SeqHLC {
	seen := make([]relay.SeqHLC, len(deps))
	for origin, hlc := range deps {
		seen[origin].HLC = hlc
	}
	return seen
}

// give serves the transactions until every region has them.
func (r *Remainder) give(ctx context.Context, last relay.Seq) error {
	ctx, cancel := context.WithCancel(ctx)
	g, serving := errgroup.WithContext(ctx)
	g.Go(func() error { return r.Serve(serving, &relay.Remainder{Self: r.Self, Log: r.Log, Clock: r.Clock}) })
	g.Go(func() error {
		defer cancel()
		return r.awaitAll(serving, last)
	})
	if err := g.Wait(); err != nil && (ctx.Err() == nil || !errors.Is(err, context.Canceled)) {
		return fmt.Errorf("join: send what no other region has: %w", err)
	}
	return nil
}

// awaitAll waits until all have everything, and the donor shows it: then its rows are at least as new as those that this region wrote.
func (r *Remainder) awaitAll(ctx context.Context, last relay.Seq) error {
	for i, m := range r.Members {
		for told := false; ; told = true {
			a, err := admit(ctx, m, r.Self)
			if err != nil {
				return err
			}
			if a.Received.Seq >= last && (i > 0 || a.Applied >= last) {
				break
			}
			if !told {
				r.Logger.Info("waiting until a region has what this one had committed", "peer", m.Name, "has", a.Received.Seq, "last", last)
			}
			if err := relay.Sleep(ctx, r.Clock, admitEvery); err != nil {
				return err
			}
		}
	}
	return nil
}
