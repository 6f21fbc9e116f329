package applier

import (
	"context"
	"fmt"
	"slices"

	"github.com/octant-db/octant/conflict"
	"github.com/octant-db/octant/relay"
)

// stream writes a transaction that is too large to be held at once, part by part, in one database transaction.
type stream struct {
	origin *origin
	header conflict.Transaction
	look   bool             // write whatever stands there
	part   []conflict.Write // the part that was being written when it failed
}

// takeOffHuge makes a flight of one huge transaction. It flies alone: the flights of its origin before it have landed.
func (o *origin) takeOffHuge(ctx context.Context, p *prepared) (*flight, error) {
	if err := o.a.durable(ctx, o.region, p.Seq); err != nil {
		return nil, err
	}
	if o.last != nil {
		if err := wait(ctx, o.last.done); err != nil {
			return nil, err
		}
	}
	o.a.mu.Lock()
	defer o.a.mu.Unlock()
	plan, err := o.a.engine.Stream(&p.Transaction)
	if err != nil || plan == nil {
		return nil, err
	}
	f := o.follow(plan, p.time)
	f.stream = &stream{origin: o, header: p.Transaction}
	return f, nil
}

// write decides and writes the transaction's changes as they are read from the log.
func (s *stream) write(ctx context.Context, tx relay.Tx, f *flight) error {
	a := s.origin.a
	t, body, err := a.cfg.Log.Received(s.origin.region).Transaction(s.header.Seq)
	if err != nil {
		return fmt.Errorf("read transaction %d again: %w", s.header.Seq, err)
	}
	for part, err := range a.reader.parts(ctx, t.Flavour, body) {
		if err != nil {
			return err
		}
		if err := a.checkTables(ctx, part.changes); err != nil {
			return err
		}
		writes, err := s.decide(ctx, f, part.changes)
		if err == nil {
			err = named(writes)
		}
		if err != nil {
			return err
		}
		if err := tx.Write(ctx, writesOf(writes, f.clear)); err != nil {
			s.part = writes
			return err
		}
	}
	return nil
}

func (s *stream) decide(ctx context.Context, f *flight, changes []conflict.Change) ([]conflict.Write, error) {
	a := s.origin.a
	part := s.header
	part.Changes = changes
	var writes []conflict.Write
	err := a.withBelow(ctx, []*conflict.Transaction{&part}, func() (err error) {
		a.mu.Lock()
		defer a.mu.Unlock()
		if err = a.index.prefetch(changes); err != nil {
			return err
		}
		writes, err = a.engine.Decide(&part)
		writes = slices.DeleteFunc(writes, func(w conflict.Write) bool { return a.excused(f, &w) })
		return err
	})
	if s.look {
		for i := range writes {
			writes[i].Expect = relay.Unknown
		}
	}
	return writes, err
}
