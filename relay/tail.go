package relay

import (
	"context"
	"fmt"
)

// fetch takes the transactions of a lost region from a survivor, as they are there, up to the last one that it says to have.
func (r *Relay) fetch(parent context.Context, x loss, from *peer, last Seq) error {
	ctx, cancel := context.WithCancel(parent)
	defer cancel()
	stream := r.cfg.Log.Received(x.Region)
	hello, feed, err := r.cfg.Dialer.Subscribe(ctx, from.cfg, r.Self(), Want{Origin: x.Region, First: Seq(stream.Last()) + 1})
	if err != nil {
		return err
	}
	defer feed.Close() //nolint:errcheck // the connection is given up
	if err := from.check(hello); err != nil {
		return err
	}
	r.cfg.Logger.Info("a lost region's transactions come from another one", "peer", x.Name, "from", from.cfg.Name, "last", last)
	// Its clock is not looked at: what one survivor has taken, all must take.
	in := inbox{
		r: r, origin: x.Region, stream: stream,
		guard: func(HLC) error { return nil }, heard: func(context.Context, Heartbeat) error { return nil },
	}
	defer in.discard()
	for in.kept < last {
		m, err := feed.Next(ctx)
		if err == nil {
			err = in.take(ctx, m)
		}
		if err != nil {
			return fmt.Errorf("take transactions of region %s from region %s: %w", x.Name, from.cfg.Name, err)
		}
	}
	return stream.WaitDurable(ctx, last)
}

// openLost starts a feed of a lost region's transactions, for a survivor that lacks some of them, or for that region itself, which has lost its log.
func (r *Relay) openLost(from Hello, w Want) (Hello, Feed, error) {
	if _, lost := r.losses.get(w.Origin); !lost && w.Origin != from.Region {
		return Hello{}, nil, fmt.Errorf("%w: region %d is not lost: only itself gives its transactions", ErrRefused, w.Origin)
	}
	stream := r.cfg.Log.Received(w.Origin)
	if first, last := Seq(stream.First()), Seq(stream.Last()); w.First < first || w.First > last+1 {
		return Hello{}, nil, fmt.Errorf("%w: region %s asks for transaction %d of region %d, of which region %s holds %d to %d",
			ErrRefused, from.Name, w.First, w.Origin, r.cfg.Name, first, last)
	}
	return r.Self(), newPublication(r.pace(), tailSource{stream}, nothingAhead{}, w.First), nil
}

// transactions is what a publication sends.
type transactions interface {
	last() Seq
	// transaction returns one that is there. Its Body is valid until the next call.
	transaction(context.Context, Seq) (Transaction, Body, error)
	close()
}

// tailSource is the copy of a lost region's transactions.
type tailSource struct{ stream ReceivedStream }

func (t tailSource) last() Seq { return Seq(t.stream.Last()) }

func (t tailSource) transaction(_ context.Context, seq Seq) (Transaction, Body, error) {
	return t.stream.Transaction(seq)
}

func (t tailSource) close() {}
