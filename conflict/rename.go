package conflict

// A row of a table that is missing cannot be told from others by the database's rules. It is merged under a provisional key, and owed; once the table is there, what M
// knows of the row is merged under its own key, as the write that it came with would be: two keys of one row come to what its newest write left, in any order.
//
// Until then the row may stand in M under its own key as well: an application writes it when it has just made the table. If that register were forgotten, an
// older write under the other key would take its place. So none of the table is: see Withhold.

// Withhold sets which registers are kept, however old: all that rows may turn out to be that have provisional keys.
func (e *Engine) Withhold(keep func(Key) bool) { e.keep = keep }

// Rename merges what M knows under a provisional key under the row's own one: c is the row as the provisional key has it, an image that stands or is gone. It may be done
// again after a crash.
func (e *Engine) Rename(from Key, c *Change) error {
	reg, known, err := e.index.Get(from)
	if err != nil || !known {
		return err
	}
	if err := e.takeOver(&reg, c); err != nil {
		return err
	}
	e.repairs.remove(from)
	return e.index.Remove(from)
}

// takeOver merges the newest write of a register as a change of another key. Of two provisional keys that one transaction wrote, the one that stands is the row: it was called otherwise before.
func (e *Engine) takeOver(reg *Register, c *Change) error {
	here, known, err := e.index.Get(c.Key)
	if err != nil || known && here.Version == reg.Version && (here.Row.Exists() || !c.After.Exists()) {
		return err
	}
	t := &Transaction{Origin: reg.Version.Region, HLC: reg.Version.HLC, Deps: reg.Deps, Changes: []Change{*c}}
	v, landed := e.onM(), &Landed{}
	if err := e.carryChange(v, t, c, landed); err != nil {
		return err
	}
	if err := v.lose(t, c); err != nil {
		return err
	}
	if err := e.settle(v, landed.add); err != nil {
		return err
	}
	for _, k := range sorted(landed.Open()) {
		e.repairs.add(k)
	}
	return nil
}
