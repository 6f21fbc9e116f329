package conflict

import "github.com/octant-db/octant/relay"

// Nearly all changes concern their own row alone, and the last writer wins. They are decided without a view: one look at the overlay and one at M tell all that there is
// to know of such a row, and no other row shows something else because of it.

// plainDecision decides a plan whose changes are all plain.
type plainDecision struct {
	engine   *Engine
	plan     *Plan
	spare    []pendingWrite // made together
	replaced []replacedWrite
	skipped  uint64
	taken    int  // changes
	bent     bool // not every change has a part in a write
}

// replacedWrite is what an earlier plan had in the overlay.
type replacedWrite struct {
	key Key
	was *pendingWrite
}

// plainly decides a plan, if all of its changes and all that is known of their rows is plain. If not, it has done nothing.
func (e *Engine) plainly(p *Plan) (bool, error) {
	rows := 0
	for i := range p.batch {
		if !e.allPlain(&p.batch[i]) {
			return false, nil
		}
		rows += len(p.batch[i].Changes)
	}
	d := plainDecision{engine: e, plan: p, spare: make([]pendingWrite, rows)}
	p.Writes, p.rows = make([]Write, 0, rows), make([]Key, 0, rows)
	for i := range p.batch {
		t := &p.batch[i]
		for j := range t.Changes {
			if plain, err := d.take(t, &t.Changes[j]); !plain || err != nil {
				d.undo()
				return false, err
			}
			d.taken++
		}
	}
	if !d.bent {
		p.straight = len(p.Writes)
	}
	e.counters.Skipped += d.skipped
	return true, nil
}

// allPlain tells whether all changes of a transaction are plain, for all that they say themselves.
func (e *Engine) allPlain(t *Transaction) bool {
	if len(t.Emptied) > 0 {
		return false
	}
	var rule lastRule
	for i := range t.Changes {
		c := &t.Changes[i]
		if len(c.After.Unique)+len(c.After.Children) > 0 || related(c) {
			return false
		}
		if r := rule.of(e, c.Key, c.After.Table); r.Policy != LWW || r.Held {
			return false
		}
	}
	return true
}

// lastRule remembers the rule of the table that was asked for last.
type lastRule struct {
	table *relay.Table
	rule  *Rule
}

func (l *lastRule) of(e *Engine, k Key, t *relay.Table) *Rule {
	if l.rule == nil || t == nil || t != l.table {
		l.table, l.rule = t, e.rule(k)
	}
	return l.rule
}

// take decides one change. It returns false if what is known of the row is not plain.
func (d *plainDecision) take(t *Transaction, c *Change) (bool, error) {
	e := d.engine
	pending := e.pending[c.Key]
	if pending != nil && pending.plan == d.plan {
		return d.again(t, c, pending), nil
	}
	was, err := d.before(c.Key, pending)
	if err != nil || was != nil && was.whole != nil {
		return false, err
	}
	if was != nil && was.version.After(t.Version()) {
		d.skipped++
		d.bent = true
		return true, nil
	}
	if pending != nil {
		d.replaced = append(d.replaced, replacedWrite{c.Key, pending})
	}
	w := &d.spare[0]
	d.spare = d.spare[1:]
	*w = pendingWrite{Kept: keptOfWrite(t, &c.After), plan: d.plan, write: d.write(t, c, was), known: was != nil}
	d.place(w.write)
	e.pending[c.Key] = w
	d.plan.rows = append(d.plan.rows, c.Key)
	return true, nil
}

// before is what is known of a row, without the plan; nil if nothing is.
func (d *plainDecision) before(k Key, pending *pendingWrite) (*Kept, error) {
	if pending != nil {
		return &pending.Kept, nil
	}
	return d.engine.index.Kept(k)
}

// write adds the write of a change that wins to the plan, and returns its place: -1 if the row is so already.
func (d *plainDecision) write(t *Transaction, c *Change, known *Kept) int {
	was := Shown{Known: known != nil}
	if was.Known {
		was.Row = known.row()
		if was.Row.identical(c.After) {
			d.bent = true
			return -1
		}
	}
	d.plan.Writes = append(d.plan.Writes, Write{Key: c.Key, Version: t.Version(), Expect: expectation(was, c)})
	w := &d.plan.Writes[len(d.plan.Writes)-1]
	if w.Before = was.Row; !w.Before.Exists() {
		w.Before = c.Before
	}
	w.become(c.After)
	return len(d.plan.Writes) - 1
}

// become sets what a write leaves of its row.
func (w *Write) become(row Row) {
	if w.After = row; !row.Exists() && row.Image == nil {
		w.After = w.Before.Deleted()
	}
}

// again decides a change of a row that the plan has changed before. It returns false if it undoes that, as far as anybody can see: then nothing is to be written.
func (d *plainDecision) again(t *Transaction, c *Change, pending *pendingWrite) bool {
	if pending.write < 0 {
		return false
	}
	w := &d.plan.Writes[pending.write]
	was := w.Before
	if w.Expect == relay.Absent {
		was = w.Before.Deleted()
	}
	if pending.known && was.identical(c.After) {
		return false
	}
	pending.Kept, w.Version = keptOfWrite(t, &c.After), t.Version()
	w.become(c.After)
	d.repeat(pending.write)
	return true
}

// place notes that the change that is taken has its own write.
func (d *plainDecision) place(write int) {
	if d.plan.places != nil {
		d.plan.places = append(d.plan.places, write)
	}
}

// repeat notes that the change that is taken has a part in the write of an earlier one.
func (d *plainDecision) repeat(write int) {
	p := d.plan
	if p.places == nil {
		p.places = make([]int, d.taken, cap(p.Writes))
		for i := range p.places {
			p.places[i] = i
		}
	}
	p.places = append(p.places, write)
}

// undo takes back what was decided.
func (d *plainDecision) undo() {
	d.engine.recant(d.plan)
	for _, r := range d.replaced {
		d.engine.pending[r.key] = r.was
	}
	d.plan.Writes = nil
}
