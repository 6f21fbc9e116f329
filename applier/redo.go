package applier

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/octant-db/octant/conflict"
	"github.com/octant-db/octant/relay"
)

// Redo writes again, in the database of a region that joins, what another region's log says became of its rows: the last image of each, whatever stands there. Rows that were copied
// at another time are put right by that, whether they are older or newer than the log.
type Redo struct {
	cfg    Config
	reader reader
	nonce  uint64
	writes map[conflict.Key]int // places in list
	list   []relay.Write
	bytes  int64
	unfit  map[conflict.Key]Unfit
	absent bool // what is written is expected not to stand there
}

// ErrRedefined says that a definition was changed in the log that is done again.
var ErrRedefined = errors.New("a table's definition was changed meanwhile")

// What is written in one transaction at most, unless a single row is larger.
const (
	redoRows  = 2000
	redoBytes = 4 << 20
)

// NewRedo returns a Redo. Of the configuration Self, Target, Decoders, Include, Clock and Logger count; and Flavour, Table and JSON where rows are another engine's.
func NewRedo(cfg Config) *Redo {
	return &Redo{
		cfg: cfg, reader: reader{target: cfg.Target, flavour: cfg.Flavour, decoders: cfg.Decoders, include: cfg.Include, admit: notAdmitted},
		nonce: uint64(cfg.Clock.Now().UnixMicro()), writes: make(map[conflict.Key]int), unfit: make(map[conflict.Key]Unfit),
	}
}

// Check tells whether an entry can be done again: a definition cannot.
func (r *Redo) Check(ctx context.Context, flavour relay.Flavour, body relay.Body) error {
	for c, err := range r.reader.rows(flavour, body) {
		if err != nil {
			return err
		}
		if c.Op == relay.Statement {
			return fmt.Errorf("%w: %s", ErrRedefined, c.Definition.Subject)
		}
	}
	return ctx.Err()
}

// Take adds an entry of the log; local: an application's transaction. What is written may be a part of it: only when everything that the copied rows may show has been done again are they right.
func (r *Redo) Take(ctx context.Context, flavour relay.Flavour, body relay.Body, local bool) error {
	for part, err := range r.reader.parts(ctx, flavour, body) {
		if err != nil {
			return err
		}
		if len(part.definitions) > 0 {
			return fmt.Errorf("%w: %s", ErrRedefined, part.definitions[0].Definition.Subject)
		}
		for i := range part.changes {
			if err := r.add(ctx, &part.changes[i]); err != nil {
				return err
			}
			if local {
				if err := r.bereave(ctx, &part.changes[i]); err != nil {
					return err
				}
			}
		}
		if len(r.list) >= redoRows || r.bytes >= redoBytes {
			if err := r.Flush(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// add takes a row's last image in the place of an earlier one.
func (r *Redo) add(ctx context.Context, c *conflict.Change) error {
	w := relay.Write{Expect: relay.Unknown, Clear: true}
	if c.Before.Image != nil {
		w.Table, w.Before = c.Before.Table, c.Before.Image
	}
	if c.After.Image != nil {
		w.Table = c.After.Table
		if c.After.Exists() {
			w.After = c.After.Image
		} else {
			w.Before = c.After.Image
		}
	}
	if err := r.judge(ctx, c, &w); err != nil {
		return err
	}
	r.bytes += int64(len(c.Before.Image) + len(c.After.Image))
	if i, known := r.writes[c.Key]; known {
		r.list[i] = w
		return nil
	}
	r.writes[c.Key] = len(r.list)
	r.list = append(r.list, w)
	return nil
}

// bereave does with the children of a deleted row what the donor's foreign keys did, of which its log says nothing.
func (r *Redo) bereave(ctx context.Context, c *conflict.Change) error {
	if len(c.Ends()) == 0 {
		return nil
	}
	if err := r.Flush(ctx); err != nil {
		return err
	}
	family, ok := r.reader.target.(relay.Family)
	if !ok {
		return nil
	}
	found, err := r.reader.below(ctx, family, []conflict.Row{c.Before}, nil)
	if err != nil {
		return err
	}
	names := slices.Clone(c.Ends())
	for n := 0; n < len(names); n++ { // those of children that go come behind
		for _, f := range found[names[n]] {
			after, err := r.lost(ctx, f, c, names[n])
			if err != nil {
				return err
			}
			child := conflict.Change{Key: f.Key, Before: f.Row, After: after}
			if err := r.add(ctx, &child); err != nil {
				return err
			}
			for _, name := range child.Ends() {
				if !slices.Contains(names, name) {
					names = append(names, name)
				}
			}
		}
	}
	return r.Flush(ctx)
}

// lost is what a child becomes that a change of a row takes a parent from, or that follows it.
func (r *Redo) lost(ctx context.Context, child conflict.Found, c *conflict.Change, parent string) (conflict.Row, error) {
	if now := c.Sends(parent); now != nil {
		return followed(ctx, r.cfg.Target, child.Key, child.Row, now)
	}
	return bereft(ctx, r.cfg.Target, child.Key, child.Row, parent)
}

// redoTries is how often a transaction is tried that something stands in the way of.
const redoTries = 20

// Flush writes what was taken.
func (r *Redo) Flush(ctx context.Context) error {
	if len(r.list) == 0 {
		return nil
	}
	var err error
	for attempt := range redoTries {
		if err = r.write(ctx); err == nil || ctx.Err() != nil || !relay.Retryable(err) && !errors.Is(err, relay.ErrOutcomeUnknown) && !r.expects(err) {
			break
		}
		if r.expects(err) {
			r.expectNothing()
			continue
		}
		r.cfg.Logger.Warn("rows are written once more", "error", err)
		if err := relay.Sleep(ctx, r.cfg.Clock, min(backoff(attempt), time.Second)); err != nil {
			return err
		}
	}
	if err != nil {
		return fmt.Errorf("do again what the log says: %w", err)
	}
	clear(r.writes)
	r.list, r.bytes, r.absent = r.list[:0], 0, false
	return nil
}

// expects tells whether an error says that a row is not as it was expected.
func (r *Redo) expects(err error) bool {
	return r.absent && (errors.Is(err, relay.ErrPresence) || errors.Is(err, relay.ErrUnique))
}

// expectNothing has rows be written whatever stands there, which takes longer.
func (r *Redo) expectNothing() {
	r.absent = false
	for i := range r.list {
		r.list[i].Expect, r.list[i].Clear = relay.Unknown, true
	}
}

func (r *Redo) write(ctx context.Context) error {
	r.nonce++
	tx, err := r.cfg.Target.Begin(ctx, relay.Mark{Origin: r.cfg.Self, Nonce: r.nonce})
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // harmless after Commit
	if err := tx.Write(ctx, r.list); err != nil {
		return err
	}
	return tx.Commit(ctx)
}

// Vacant tells why the database's ledger does not let a region join: what it says of an earlier life would be taken for applied.
func (r *Redo) Vacant(ctx context.Context) error {
	applied, err := r.cfg.Target.Applied(ctx)
	if err != nil {
		return fmt.Errorf("read the ledger octant.applied: %w", err)
	}
	for origin, last := range applied {
		if last.Seq > 0 {
			return fmt.Errorf("octant.applied says that transaction %d of region %d was applied here, in an earlier life of this database: DELETE FROM octant.applied", last.Seq, origin)
		}
	}
	return nil
}

// Begin has the database's log say that what follows is what the joining writes.
func (r *Redo) Begin(ctx context.Context) error { return r.say(ctx, relay.Joining) }

// End has it say that applications write again.
func (r *Redo) End(ctx context.Context) error { return r.say(ctx, relay.Joined) }

func (r *Redo) say(ctx context.Context, what relay.HLC) error {
	r.nonce++
	tx, err := r.cfg.Target.Begin(ctx, relay.Mark{Origin: r.cfg.Self, HLC: what, Nonce: r.nonce})
	if err == nil {
		err = tx.Commit(ctx)
	}
	if err != nil {
		return fmt.Errorf("note in octant.applied how far this region has joined: %w", err)
	}
	return nil
}

// Ledger has the database say which transactions of the other regions its rows have.
func (r *Redo) Ledger(ctx context.Context, seen []relay.SeqHLC) error {
	for origin, last := range seen {
		if region := relay.Region(origin); last.Seq == 0 || region == r.cfg.Self || !region.Valid() {
			continue
		}
		tx, err := r.cfg.Target.Begin(ctx, relay.Mark{
			Origin: relay.Region(origin), Range: relay.Range{From: 1, To: last.Seq}, HLC: last.HLC,
		})
		if err == nil {
			err = tx.Commit(ctx)
		}
		if err != nil && !errors.Is(err, relay.ErrApplied) {
			return fmt.Errorf("write the ledger octant.applied: %w", err)
		}
	}
	return nil
}
