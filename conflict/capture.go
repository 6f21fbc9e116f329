package conflict

import "github.com/octant-db/octant/relay"

// Local merges a transaction that was born here, as capture passes it. By the clock rule it is newer than everything that
// M knows of its rows.
func (e *Engine) Local(t *Transaction) error {
	v := t.Version()
	for i := range t.Changes {
		c := &t.Changes[i]
		reg, _, err := e.index.Get(c.Key)
		if err != nil {
			return err
		}
		if reg.merge(v, c.After) {
			if err := e.index.Put(c.Key, reg); err != nil {
				return err
			}
		}
	}
	return e.compare(t.Changes)
}

// Own merges a transaction that this relay's applier wrote, as capture passes it: carried are the transactions that its mark
// covers, rows what the log says the database wrote for them.
func (e *Engine) Own(mark relay.Mark, carried []Transaction, rows []Change) error {
	var landed Landed
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
	v := t.Version()
	for i := range t.Changes {
		if err := e.carryChange(t, v, &t.Changes[i], landed); err != nil {
			return err
		}
	}
	return nil
}

func (e *Engine) carryChange(t *Transaction, v relay.Version, c *Change, landed *Landed) error {
	reg, known, err := e.index.Get(c.Key)
	if err != nil {
		return err
	}
	if known {
		e.noteConflict(t, c, reg)
	}
	prior := reg
	if !reg.merge(v, c.After) {
		return nil
	}
	landed.add(c.Key, known && prior.Row.Same(c.After))
	return e.index.Put(c.Key, reg)
}

// Wrote takes one row that the log says our own transaction wrote.
func (e *Engine) Wrote(c *Change, landed *Landed) error {
	landed.wrote(c.Key)
	_, known, err := e.index.Get(c.Key)
	if err != nil {
		return err
	}
	if !known {
		// Nothing that we carried explains this row: a trigger fired, say. What stood there before is right.
		right := c.Before
		if !right.Exists() {
			right = c.After.Deleted()
		}
		if err := e.index.Put(c.Key, Register{Row: right}); err != nil {
			return err
		}
	}
	return e.compareOne(c.Key, c.After)
}

// Passed ends our own transaction: the mark's transactions have been seen, and rows that should have changed and did not are
// looked at again.
func (e *Engine) Passed(mark relay.Mark, landed *Landed) error {
	for k := range landed.unwritten() {
		e.repairs.add(k)
	}
	if !mark.Repair() && mark.Range.To > e.seen[mark.Origin].Seq {
		e.seen[mark.Origin] = relay.SeqHLC{Seq: mark.Range.To, HLC: max(mark.HLC, e.seen[mark.Origin].HLC)}
	}
	e.land(mark, landed)
	return nil
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
	reg, _, err := e.index.Get(k)
	if err != nil {
		return err
	}
	if reg.Row.Same(row) {
		e.repairs.remove(k)
		return nil
	}
	e.repairs.add(k)
	e.counters.Inversions++
	return nil
}

// Landed collects what one of our own transactions did: rows that it changed in M, until the log says that it wrote them.
type Landed struct {
	open map[Key]struct{}
	done map[Key]struct{}
}

// add notes that M changed under k; same says that it shows what stood there before, so that nothing need be written.
func (c *Landed) add(k Key, same bool) {
	if same {
		return
	}
	if c.open == nil {
		c.open = make(map[Key]struct{})
	}
	c.open[k] = struct{}{}
}

func (c *Landed) wrote(k Key) {
	if _, open := c.open[k]; open {
		delete(c.open, k)
		return
	}
	if c.done == nil {
		c.done = make(map[Key]struct{})
	}
	c.done[k] = struct{}{}
}

func (c *Landed) unwritten() map[Key]struct{} { return c.open }
