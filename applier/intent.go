package applier

import (
	"bytes"
	"context"

	"github.com/octant-db/octant/conflict"
	"github.com/octant-db/octant/relay"
)

// eraOf is the era in which the rows of all transactions of a batch were identified, 0 if they were in several.
func eraOf(batch []*prepared) uint64 {
	for _, p := range batch {
		if p.era != batch[0].era {
			return 0
		}
	}
	return batch[0].era
}

// mergeIntended passes one of our own transactions that did just what was planned. It returns false, and has done nothing, if the log shows anything else: what a
// trigger changed or wrote, a row that was cut to its column's size, one that was so already.
func (a *Applier) mergeIntended(ctx context.Context, e *relay.Entry, body relay.Body) (bool, error) {
	a.mu.Lock()
	p, writes := a.intended(*e.Mark)
	a.mu.Unlock()
	if p == nil || !a.shows(e, body, writes) {
		return false, nil
	}
	if done, err := a.mergePlan(*e.Mark, p, writes); !done || err != nil {
		return false, err
	}
	a.passed(*e.Mark)
	return true, a.spill(ctx, nil)
}

// intended finds the plan of a mark, and its writes, which are replaced as a whole if they are decided again; the lock is held.
func (a *Applier) intended(m relay.Mark) (*conflict.Plan, []conflict.Write) {
	p := a.engine.Intended(m)
	if p == nil || p.Era != a.reader.era.Load() {
		return nil, nil
	}
	return p, p.Writes
}

// mergePlan merges what the log has shown to be as it was planned, unless the plan is another one by now.
func (a *Applier) mergePlan(m relay.Mark, p *conflict.Plan, writes []conflict.Write) (bool, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if now, list := a.intended(m); now != p || len(list) != len(writes) || &list[0] != &writes[0] {
		return false, nil
	}
	var changes [][]conflict.Change
	for _, t := range p.Batch() {
		changes = append(changes, t.Changes)
	}
	if err := a.index.prefetch(changes...); err != nil {
		return false, err
	}
	return true, a.engine.OwnIntended(p)
}

// shows tells whether an entry of the log shows these writes: all of them, and nothing else. What cannot be read shows nothing.
func (a *Applier) shows(e *relay.Entry, body relay.Body, writes []conflict.Write) bool {
	x, ok := newExpectation(writes)
	if !ok {
		return false
	}
	for c, err := range a.reader.rows(e.Flavour, body) {
		if err != nil || !x.meets(&c) {
			return false
		}
	}
	return x.left == 0
}

// expectation is what the log is to show of writes. In which order they come is the business of the target, and of a database that is given many in one statement.
type expectation struct {
	runs []*run
	left int
}

// run is the writes of one table that do the same.
type run struct {
	table  *relay.Table
	op     relay.Op
	writes []*conflict.Write          // that are still to come, in their order
	left   map[string]*conflict.Write // the same by their images, once one has come before its turn
}

// newExpectation returns false if it cannot be known before what the log will show.
func newExpectation(writes []conflict.Write) (x expectation, ok bool) {
	x.left = len(writes)
	var last *run
	for i := range writes {
		w := &writes[i]
		op := operation(w)
		if op == relay.Statement || w.After.Table == nil {
			return x, false
		}
		if last == nil || last.table != w.After.Table || last.op != op {
			last = x.run(w.After.Table, op, len(writes)-i)
		}
		last.writes = append(last.writes, w)
	}
	return x, true
}

// run finds a run, or begins it.
func (x *expectation) run(t *relay.Table, op relay.Op, room int) *run {
	for _, r := range x.runs {
		if r.op == op && r.table == t {
			return r
		}
	}
	r := &run{table: t, op: op, writes: make([]*conflict.Write, 0, room)}
	x.runs = append(x.runs, r)
	return r
}

// operation is what a write does to its row; Statement stands for what cannot be told before.
func operation(w *conflict.Write) relay.Op {
	switch exists := w.After.Exists(); {
	case w.Expect == relay.Absent && exists:
		return relay.Insert
	case w.Expect == relay.Present && exists:
		return relay.Update
	case w.Expect == relay.Present:
		return relay.Delete
	}
	return relay.Statement
}

// meets tells whether a change is one of those that are expected of its table and operation.
func (x *expectation) meets(c *relay.Change) bool {
	for _, r := range x.runs {
		if r.op == c.Op && described(r.table, c) && r.take(c) {
			x.left--
			return true
		}
	}
	return false
}

// take strikes off the write that a change shows, if it shows one.
func (r *run) take(c *relay.Change) bool {
	if r.left == nil {
		if len(r.writes) == 0 {
			return false
		}
		if shown(r.writes[0], c) {
			r.writes = r.writes[1:]
			return true
		}
		r.left = make(map[string]*conflict.Write, len(r.writes))
		for _, w := range r.writes {
			r.left[string(w.After.Image)] = w
		}
	}
	image := c.After
	if c.Op == relay.Delete {
		image = c.Before
	}
	w := r.left[string(image)]
	if w == nil || !shown(w, c) {
		return false
	}
	delete(r.left, string(image))
	return true
}

// shown tells whether a change is just what a write does, to the row that it was to find, as far as the log says what it was.
func shown(w *conflict.Write, c *relay.Change) bool {
	switch c.Op {
	case relay.Insert:
		return bytes.Equal(c.After, w.After.Image)
	case relay.Update:
		found := c.Stayed || described(w.Before.Table, c) && bytes.Equal(c.Before, w.Before.Image)
		return found && bytes.Equal(c.After, w.After.Image)
	default:
		return bytes.Equal(c.Before, w.After.Image)
	}
}

// described tells whether a change is of rows that a table describes.
func described(t *relay.Table, c *relay.Change) bool {
	return t == c.Table || t != nil && c.Table != nil && t.Flavour == c.Table.Flavour && bytes.Equal(t.Native, c.Table.Native)
}
