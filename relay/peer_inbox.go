package relay

import (
	"context"
	"errors"
	"fmt"
)

// inbox puts the messages of one feed into the received stream.
type inbox struct {
	r       *Relay
	origin  Region
	stream  ReceivedStream
	guard   func(HLC) error                        // of a transaction's clock
	heard   func(context.Context, Heartbeat) error // takes a heartbeat
	writer  TransactionWriter
	current Transaction
	kept    Seq // the last one that was committed, durable or not, and that its origin has for good
	ahead   Seq // the last one that was sent ahead
	size    int64
}

func (in *inbox) take(ctx context.Context, m Message) error {
	switch {
	case m.Heartbeat != nil:
		return in.heard(ctx, *m.Heartbeat)
	case m.Transaction != nil:
		return in.begin(ctx, *m.Transaction, in.stream.Begin)
	case m.Ahead != nil:
		in.ahead = m.Ahead.Seq
		return in.begin(ctx, *m.Ahead, in.stream.BeginAhead)
	case m.Confirmed != 0:
		return in.confirm(m.Confirmed)
	case in.writer == nil:
		return errors.New("the feed sent bytes outside of a transaction")
	case m.End:
		return in.end()
	}
	in.size += int64(len(m.Chunk))
	return in.writer.Append(m.Chunk)
}

// begin opens a transaction, in the way of which it was sent.
func (in *inbox) begin(ctx context.Context, t Transaction, open func(context.Context, Transaction) (TransactionWriter, error)) error {
	if in.writer != nil {
		return fmt.Errorf("the feed began transaction %d inside of another", t.Seq)
	}
	if t.Origin != in.origin {
		return fmt.Errorf("%w: the feed of region %d sent a transaction of region %d", ErrRefused, in.origin, t.Origin)
	}
	if err := in.guard(t.HLC); err != nil {
		return err
	}
	if err := in.r.pressure.yield(ctx, in.r.cfg.Clock); err != nil {
		return err
	}
	w, err := open(ctx, t)
	if err != nil {
		return fmt.Errorf("take transaction %d: %w", t.Seq, err)
	}
	in.writer, in.current, in.size = w, t, 0
	return nil
}

func (in *inbox) end() error {
	if in.size != in.current.Size {
		return fmt.Errorf("transaction %d has %d bytes, its header says %d", in.current.Seq, in.size, in.current.Size)
	}
	w := in.writer
	in.writer = nil
	if err := w.Commit(); err != nil {
		return fmt.Errorf("keep transaction %d: %w", in.current.Seq, err)
	}
	if in.ahead != in.current.Seq {
		in.kept = in.current.Seq
	}
	in.r.received.transactions.Add(1)
	in.r.received.bytes.Add(uint64(in.size))
	return nil
}

// confirm takes note that what was sent ahead will stand.
func (in *inbox) confirm(through Seq) error {
	if err := in.stream.Confirm(through); err != nil {
		return fmt.Errorf("keep transaction %d: %w", through, err)
	}
	in.kept = through
	return nil
}

func (in *inbox) discard() {
	if in.writer != nil {
		in.writer.Discard()
	}
}
