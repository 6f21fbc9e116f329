package conflict

// A table that was emptied as a whole (TRUNCATE) shows in no row of a log. The rows that the statement's author had seen are gone: all that M does
// not know, and of those that it knows the ones whose newest write the author had seen. Such a register keeps its version: a write that
// the author had not seen is newer than what it knew of the row, and shows, whenever it comes and whatever its clock says. So what a row comes to depends on its
// newest write alone, and on whether one of the statements' authors had seen that.
//
// It is only sound where a region merges the statement after everything that its author had seen, and for tables of which the last writer wins.

// empty merges the tables that a transaction emptied. Rows that its author had not seen were taken away with the others where the statement was
// run: they are to be written again.
func (e *Engine) empty(v *view, t *Transaction, again func(Key)) error {
	for _, prefix := range t.Emptied {
		keys, err := e.index.Under(prefix)
		if err != nil {
			return err
		}
		for _, k := range sorted(keys) {
			if err := e.emptyRow(v, t, k, again); err != nil {
				return err
			}
		}
	}
	return nil
}

func (e *Engine) emptyRow(v *view, t *Transaction, k Key, again func(Key)) error {
	reg, known, err := e.index.Get(k)
	if err != nil || !known || reg.History != nil || !reg.Row.Exists() {
		return err
	}
	if !authorSaw(t.Version(), t.Deps, reg.Version) {
		again(k)
		return nil
	}
	reg.Row = reg.Row.Deleted()
	reg.Wrote, reg.Fates = Row{}, nil
	return v.put(k, reg)
}
