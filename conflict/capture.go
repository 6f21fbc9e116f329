package conflict

import (
	"maps"
	"slices"

	"github.com/octant-db/octant/relay"
)

// Local merges a transaction that was born here, as capture passes it. By the clock rule it is newer than everything that
// M knows of its rows.
func (e *Engine) Local(t *Transaction) error {
	v := e.onM()
	v.turn, v.merging = e.turns.of(t), t.Version()
	doubtful, err := e.doubtful(t)
	if err != nil {
		return err
	}
	if err := e.empty(v, t, e.repairs.add); err != nil {
		return err
	}
	stands := true
	for i := range t.Changes {
		as, err := e.localChange(v, t, &t.Changes[i])
		if err != nil {
			return err
		}
		if err := v.lose(t, &t.Changes[i]); err != nil {
			return err
		}
		stands = stands && as
	}
	e.turns.n = v.turn
	if err := e.settle(v, e.repairs.add); err != nil {
		return err
	}
	if !stands || len(v.order) > 0 {
		if err := e.compare(t.Changes); err != nil {
			return err
		}
	} else {
		for i := range t.Changes {
			e.strike(t.Changes[i].Key)
		}
	}
	for _, k := range doubtful {
		e.repairs.add(k)
	}
	return nil
}

// localChange merges one change of a transaction that was born here. It tells whether M has just that now, and the row is as it is to be.
func (e *Engine) localChange(v *view, t *Transaction, c *Change) (stands bool, err error) {
	reg, known, err := e.index.Get(c.Key)
	if err != nil {
		return false, err
	}
	if e.simple(v, &reg, c) {
		if !reg.merge(t, c.After) {
			return false, nil
		}
		return true, e.index.Put(c.Key, reg)
	}
	if known && reg.History == nil {
		return false, v.take(t, c, nil)
	}
	base := stoodBefore(c)
	if err := v.take(t, c, &base); err != nil {
		return false, err
	}
	v.learnHere(c)
	return false, nil
}

// simple tells whether a change concerns its own row alone and the last writer wins: what nearly all changes are, without a view.
func (e *Engine) simple(v *view, reg *Register, c *Change) bool {
	_, viewed := v.rows[c.Key]
	_, pinned := e.pins[c.Key]
	return !viewed && !pinned && reg.plain() && len(c.After.Unique) == 0 && !related(c) && !reg.middle() && !c.middle() && e.rule(c.Key).Policy == LWW
}

// stoodBefore is the row that stood under a change's key before it. One that the log does not have whole cannot be put back: it is gone for good.
func stoodBefore(c *Change) Row {
	switch {
	case c.Before.Exists() && c.Before.Partial && !c.After.Exists():
		return c.Before.Deleted()
	case c.Before.Exists():
		return c.Before
	}
	return c.After.Deleted()
}

// settle puts what a view has merged into M, and tells which rows are to show something else now.
func (e *Engine) settle(v *view, changed func(Key)) error {
	err := v.changes(func(k Key, _ *viewRow, _ Shown) error {
		changed(k)
		return nil
	})
	if err != nil {
		return err
	}
	if err := v.pin(); err != nil {
		return err
	}
	for _, k := range v.order {
		row := v.rows[k]
		if !row.set {
			continue
		}
		old, _, err := e.index.Get(k)
		if err != nil {
			return err
		}
		e.noteVerdicts(k, old, row.reg)
		if err := e.index.Put(k, row.reg); err != nil {
			return err
		}
	}
	return nil
}

// Own merges a transaction that this relay's applier wrote, as capture passes it: carried are the transactions that its mark
// covers, rows what the log says the database wrote for them.
func (e *Engine) Own(mark relay.Mark, carried []Transaction, rows []Change) error {
	landed := Landed{Amends: mark.Amends()}
	for i := range carried {
		if err := e.Carry(&carried[i], &landed); err != nil {
			return err
		}
	}
	for i := range rows {
		if err := e.Wrote(&rows[i], &landed); err != nil {
			return err
		}
	}
	return e.Passed(mark, &landed)
}

// Carry merges one transaction that a mark covers. It is the first of the three steps of Own, which a transaction too large to be
// held at once takes one by one: Carry may be called with parts of a transaction that share its header.
func (e *Engine) Carry(t *Transaction, landed *Landed) error {
	if t.Seq <= e.seen[t.Origin].Seq {
		return nil
	}
	v := e.onM()
	v.turn, v.merging, v.merged = e.turns.of(t), t.Version(), landed.merged
	if err := e.empty(v, t, landed.add); err != nil {
		return err
	}
	for i := range t.Changes {
		if err := e.carryChange(v, t, &t.Changes[i], landed); err != nil {
			return err
		}
		if err := v.lose(t, &t.Changes[i]); err != nil {
			return err
		}
	}
	e.turns.n = v.turn
	if len(v.order) > 0 {
		landed.merge(t)
	}
	landed.end(v)
	e.tell(t, v)
	e.tellChain(t, v)
	return e.settle(v, landed.add)
}

func (e *Engine) carryChange(v *view, t *Transaction, c *Change, landed *Landed) error {
	reg, known, err := e.index.Get(c.Key)
	if err != nil {
		return err
	}
	if !known && c.Before.Exists() && c.After.Exists() {
		landed.update(c.Key, t)
	}
	if !e.simple(v, &reg, c) {
		if err := v.take(t, c, nil); err != nil {
			return err
		}
		if !known {
			landed.meet(c.Key, &v.rows[c.Key].reg)
			return nil
		}
		e.noteMerged(t, c, reg, v.rows[c.Key].reg)
		return nil
	}
	prior := reg
	taken := reg.merge(t, c.After)
	if known {
		e.noteConflict(t, c, prior, taken)
	}
	if !taken {
		return nil
	}
	if !known || !prior.Row.identical(c.After) {
		landed.expect(len(t.Changes))
		landed.add(c.Key)
	}
	return e.index.Put(c.Key, reg)
}

// Wrote takes one row that the log says our own transaction wrote.
func (e *Engine) Wrote(c *Change, landed *Landed) error {
	update := landed.wrote(c.Key)
	reg, known, err := e.index.Get(c.Key)
	if err != nil {
		return err
	}
	if update != nil && c.After.Exists() && !c.Before.Exists() {
		e.noteMissing(c, update)
	}
	if landed.Amends && (!known || reg.Version.IsZero()) {
		err = e.uncover(c, Register{Row: c.After}, landed)
		landed.wrote(c.Key) // as it shall be: whether it is, is found out next
	} else if !known {
		err = e.uncoverAfter(c, landed)
	} else if _, fresh := landed.fresh[c.Key]; fresh {
		err = e.rebase(c, reg, landed)
		landed.wrote(c.Key)
	} else if reg.unlearned() {
		err = e.recall(c.Key, reg, stoodBefore(c), landed.add)
	}
	if err == nil && known && reg.Row.renamed(c.After) {
		err = e.Redefine(c.Key, c.After.Unique)
	}
	if err != nil {
		return err
	}
	return e.compareOne(c.Key, c.After)
}

// uncoverAfter takes a row into M that only what our transaction carried explains, if anything does.
func (e *Engine) uncoverAfter(c *Change, landed *Landed) error {
	right, err := e.after(c, landed)
	if err != nil {
		return err
	}
	if err := e.uncover(c, right, landed); err != nil {
		return err
	}
	if !c.middle() {
		return nil
	}
	v := e.onM()
	v.merged = landed.merged
	if err := v.relink(c.Key, right); err != nil {
		return err
	}
	landed.end(v)
	err = e.settle(v, landed.add)
	landed.wrote(c.Key)
	return err
}

// uncover takes a row into M that nothing we carried explains: a trigger fired, the row stood in the way of a newer one, or the operator
// amended it. What is right, of what stood there before and what stands there now, is so as far as its unique values are free.
func (e *Engine) uncover(c *Change, right Register, landed *Landed) error {
	reg, rule := right, e.rule(c.Key)
	if rule.Policy == LWW && len(reg.Row.Unique) == 0 {
		return e.index.Put(c.Key, reg)
	}
	v := e.onM()
	if rule.Policy != LWW {
		reg = e.begun(rule, reg, true)
	}
	if err := v.put(c.Key, reg); err != nil {
		return err
	}
	return e.settle(v, landed.add)
}

// recall learns what a row showed when its history began.
func (e *Engine) recall(k Key, reg Register, stood Row, changed func(Key)) error {
	rule, h := e.rule(k), e.learn(*reg.History, stood)
	if rule.Policy == Reject {
		h = h.judged(rule)
	}
	v := e.onM()
	if err := v.rewrite(k, rule, reg, h); err != nil {
		return err
	}
	if rule.Policy == Rollback {
		if err := v.certifyAll(&h, k); err != nil {
			return err
		}
	}
	return e.settle(v, changed)
}

// unlearned tells whether a register's history does not know yet what stood there before.
func (r *Register) unlearned() bool { return r.History != nil && !r.History.Base.Known }

// Passed ends our own transaction: the mark's transactions have been seen, and rows that should have changed and did not are
// looked at again.
func (e *Engine) Passed(mark relay.Mark, landed *Landed) error {
	if err := e.unchanged(landed); err != nil {
		return err
	}
	if err := e.noteRounds(landed); err != nil {
		return err
	}
	for _, k := range sorted(landed.Open()) {
		e.repairs.add(k)
	}
	if !mark.Repair() && mark.Range.To > e.seen[mark.Origin].Seq {
		e.seen[mark.Origin] = relay.SeqHLC{Seq: mark.Range.To, HLC: max(mark.HLC, e.seen[mark.Origin].HLC)}
	}
	return e.land(mark, landed)
}

// compare applies the repair rule to the last image of every row in a log entry.
func (e *Engine) compare(changes []Change) error {
	for i := range changes {
		if err := e.compareOne(changes[i].Key, changes[i].After); err != nil {
			return err
		}
	}
	return nil
}

// compareOne is the repair rule for one row: the log says that it became row.
func (e *Engine) compareOne(k Key, row Row) error {
	right, err := e.shown(k)
	if err != nil {
		return err
	}
	e.judge(k, !right.Known || right.Row.Same(row))
	return nil
}

// judge notes whether a row is as it is to be, by what the log says.
func (e *Engine) judge(k Key, right bool) {
	if right {
		e.strike(k)
		return
	}
	e.repairs.add(k)
	e.counters.Inversions++
}

// shown is what the table is to show under a key, by M alone.
func (e *Engine) shown(k Key) (Shown, error) {
	reg, known, err := e.index.Get(k)
	if err != nil || !known || reg.Blank {
		return Shown{}, err
	}
	if len(reg.Row.Unique) == 0 {
		return Shown{Known: true, Row: reg.Row}, nil
	}
	return e.onM().show(k)
}

// Landed collects what one of our own transactions did: rows that it changed in M, until the log says that it wrote them.
type Landed struct {
	Amends bool // its mark says so: see relay.Mark

	open   map[Key]struct{}
	done   map[Key]struct{}
	fresh  map[Key]struct{} // rows in the middle of chains of which nothing was known
	merged []relay.Version  // the transactions that the mark covers, but for those whose changes were all plain
	// updates are by which transactions rows were updated of which nothing was known, until the log says that it wrote them.
	updates map[Key]*Transaction
	ends    map[string][]End // by parent: those that were carried
}

// merge notes a transaction, which may come in parts.
func (c *Landed) merge(t *Transaction) {
	if n := len(c.merged); n == 0 || c.merged[n-1] != t.Version() {
		c.merged = append(c.merged, t.Version())
	}
}

// add notes that the table is to show something else under k.
func (c *Landed) add(k Key) {
	if c.open == nil {
		c.open = make(map[Key]struct{})
	}
	c.open[k] = struct{}{}
}

// expect makes room for rows of a transaction.
func (c *Landed) expect(rows int) {
	if c.open == nil {
		c.open = make(map[Key]struct{}, rows)
	}
}

// update notes an update of a row of which nothing is known: it is to be found in the table.
func (c *Landed) update(k Key, t *Transaction) {
	if c.updates == nil {
		c.updates = make(map[Key]*Transaction)
	}
	c.updates[k] = t
}

// wrote notes that the log shows a write of a row, and returns what has updated it if nothing was known of it before; nil if anything was.
func (c *Landed) wrote(k Key) (update *Transaction) {
	update = c.updates[k]
	delete(c.updates, k)
	if _, open := c.open[k]; open {
		delete(c.open, k)
		return update
	}
	if c.done == nil {
		c.done = make(map[Key]struct{})
	}
	c.done[k] = struct{}{}
	return update
}

// Open lists the rows that are to be written and have not been yet, in no order.
func (c *Landed) Open() []Key { return slices.Collect(maps.Keys(c.open)) }
