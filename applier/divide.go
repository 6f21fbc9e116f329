package applier

import (
	"context"

	"github.com/octant-db/octant/conflict"
	"github.com/octant-db/octant/relay"
)

// Two transactions in a row nearly always share a row if rows are written often. The second one does not wait for that with all of its rows: those that the first has nothing to do with are
// written at once, and the shared ones when the first has committed.

// divides tells whether a flight can write some of its rows before those before it are done: it shares rows with them, and no unique values.
func (a *Applier) divides(f *flight) bool {
	if !a.divisible || f.stream != nil || len(f.shared) == 0 || !f.plan.Plain() {
		return false
	}
	rows := 0
	for i := range f.plan.Writes {
		if f.shares(&f.plan.Writes[i]) {
			rows++
		}
	}
	return rows < len(f.plan.Writes) && rows == len(f.shared)
}

// shares tells whether another flight had the row of a write when this one took off.
func (f *flight) shares(w *conflict.Write) bool {
	_, is := f.shared[string(w.Key)]
	return is
}

// writeInTwo writes the rows that the flight shares with nobody, waits for those before it, and writes the others. If any of these has had a mishap since this one began, it gives way: what
// they have met, such as a row that is refused, is looked at before anything is written then. That another one has given way itself is no mishap: if it were, all that share a row with it
// would give way too, and those behind these, as long as there is something to apply.
func (a *Applier) writeInTwo(ctx context.Context, f *flight, tx relay.Tx) error {
	if err := named(f.plan.Writes); err != nil {
		return err
	}
	own, shared := f.divided()
	stumbled := f.stumbledBefore()
	if err := tx.Write(ctx, writesOf(own, f.clear)); err != nil {
		return err
	}
	for _, other := range f.after {
		if err := f.pass(ctx, a.cfg.Clock, other.done, stumbled); err != nil {
			return err
		}
		if !other.committed || other.mishap > f.aware {
			return errGaveWay
		}
	}
	return tx.Write(ctx, writesOf(shared, f.clear))
}

// divided are the writes of rows that the flight has for itself, and of those that others had before.
func (f *flight) divided() (own, shared []conflict.Write) {
	own = make([]conflict.Write, 0, len(f.plan.Writes))
	for _, w := range f.plan.Writes {
		if f.shares(&w) {
			shared = append(shared, w)
		} else {
			own = append(own, w)
		}
	}
	return own, shared
}
