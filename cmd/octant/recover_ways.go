package main

import (
	"context"
	"fmt"

	"github.com/octant-db/octant/applier"
	"github.com/octant-db/octant/relay"
)

// rewriting brings every row to what the log says that it became.
type rewriting struct {
	store    relay.Log
	restorer relay.Rewriter
	prepare  func(context.Context) error
	copier   relay.TableCopier // nil: the database learns from rows which numbers it has given
	redo     *applier.Redo
}

// covers has definitions of other regions among them, so that they are not passed over: they have a mark, and cannot be done again.
func (w *rewriting) covers(e *relay.Entry) bool {
	return e.Kind == relay.Local || e.Kind == relay.Applied || e.Kind == relay.History && e.Mark != nil
}

func (w *rewriting) check(ctx context.Context, e *relay.Entry, body relay.Body) error {
	return w.redo.Check(ctx, e.Flavour, body)
}

func (w *rewriting) open(ctx context.Context) error {
	if err := w.restorer.Advance(ctx, w.store.State()); err != nil {
		return err
	}
	if err := w.prepare(ctx); err != nil {
		return fmt.Errorf("prepare the database: %w", err)
	}
	return nil
}

func (w *rewriting) take(ctx context.Context, e *relay.Entry, body relay.Body) error {
	return w.redo.Take(ctx, e.Flavour, body, e.Kind == relay.Local)
}

// finish has the database give no numbers to new rows that rows have which it had lost.
func (w *rewriting) finish(ctx context.Context) error {
	if err := w.redo.Flush(ctx); err != nil {
		return err
	}
	numbering, able := w.copier.(relay.Numbering)
	if !able {
		return nil
	}
	tables, err := w.copier.Definitions(ctx)
	if err != nil {
		return err
	}
	for _, t := range tables {
		if t.Problem != "" {
			continue
		}
		if err := numbering.GoOnBehind(ctx, t.Name); err != nil {
			return err
		}
	}
	return nil
}

func (w *rewriting) close() error { return nil }

// replaying has the database do the lost transactions again, also those that are nobody else's.
type replaying struct {
	restorer relay.Replayer
	replay   relay.Replay
}

func (w *replaying) covers(e *relay.Entry) bool { return e.Kind != relay.Frame }

func (w *replaying) check(_ context.Context, e *relay.Entry, body relay.Body) error {
	return w.restorer.Check(e, body)
}

func (w *replaying) open(ctx context.Context) (err error) {
	w.replay, err = w.restorer.Replay(ctx)
	return err
}

func (w *replaying) take(_ context.Context, e *relay.Entry, body relay.Body) error {
	return w.replay.Do(e, body)
}

func (w *replaying) finish(context.Context) error { return nil }

func (w *replaying) close() error { return w.replay.Close() }
