package conflict

import "slices"

// Two rows that share a value of a secondary unique key cannot stand in the table at a time. Which of them does is a pure function of
// the versions: walk the rows from the newest; a row whose value is taken by one that stands is hidden. A hidden row is not deleted: it stays
// in M, and is put back when its values are free.
//
// A row that M has forgotten counts as older than every row it knows. The database says when one is in the way; it is deleted
// ([Engine.Reconsider]), and the log entry that shows it brings it back into M ([Engine.Wrote]), without a version. What is
// hidden, and what hides it, is not forgotten ([Engine.Holds]): a forgotten row that hides one would seem older than that.

// rivals are the other keys whose row shares a unique value with the row of k.
func (v *view) rivals(k Key, row Row) ([]Key, error) {
	if !row.Exists() {
		return nil, nil
	}
	var keys []Key
	for _, u := range row.Unique {
		below, err := v.lists(u)
		if err != nil {
			return nil, err
		}
		for _, list := range [][]Key{below, v.claims[u]} {
			for _, other := range list {
				if other == k {
					continue
				}
				claims, err := v.claimsNow(other, u)
				if err != nil {
					return nil, err
				}
				if claims {
					keys = append(keys, other)
				}
			}
		}
	}
	return sorted(keys), nil
}

// claimsNow tells whether a key that has claimed a value still does.
func (v *view) claimsNow(k Key, value string) (bool, error) {
	row, err := v.row(k)
	if err != nil {
		return false, err
	}
	return row.reg.Row.Exists() && slices.Contains(row.reg.Row.Unique, value), nil
}

// hidden tells whether a row has to give way. Memo may be nil.
func (v *view) hidden(k Key, row *viewRow, memo map[Key]bool) (bool, error) {
	if len(row.reg.Row.Unique) == 0 {
		return false, nil
	}
	if is, known := memo[k]; known {
		return is, nil
	}
	rivals, err := v.rivals(k, row.reg.Row)
	if err != nil || len(rivals) == 0 {
		return false, err
	}
	if memo == nil {
		memo = make(map[Key]bool)
	}
	for _, r := range rivals {
		other := v.rows[r]
		if !precedes(r, &other.reg, k, &row.reg) {
			continue
		}
		gives, err := v.hidden(r, other, memo)
		if err != nil {
			return false, err
		}
		if !gives {
			memo[k] = true
			return true, nil
		}
	}
	memo[k] = false
	return false, nil
}

// precedes tells whether the row of j is walked before that of k.
func precedes(j Key, a *Register, k Key, b *Register) bool {
	if c := a.Shown.Compare(b.Shown); c != 0 {
		return c > 0
	}
	return j < k
}

// reach are the other keys whose row may be hidden or put back when a key's row changes from one to the other.
func (v *view) reach(k Key, from, to Row) ([]Key, error) {
	if len(from.Unique) == 0 && len(to.Unique) == 0 {
		return nil, nil
	}
	keys := []Key{k}
	met := map[Key]bool{k: true}
	add := func(row Row) error {
		rivals, err := v.rivals(k, row)
		for _, r := range rivals {
			if !met[r] {
				met[r] = true
				keys = append(keys, r)
			}
		}
		return err
	}
	if err := add(from); err != nil {
		return nil, err
	}
	if err := add(to); err != nil {
		return nil, err
	}
	for i := 1; i < len(keys); i++ {
		k = keys[i]
		if err := add(v.rows[k].reg.Row); err != nil {
			return nil, err
		}
	}
	return keys[1:], nil
}

// pin holds on to the rows of a view that share a unique value with another one, and lets go of the others.
func (v *view) pin() error {
	for i := 0; i < len(v.order); i++ {
		k := v.order[i]
		row := v.rows[k]
		if !row.noted {
			continue
		}
		rivals, err := v.rivals(k, row.reg.Row)
		if err != nil {
			return err
		}
		if len(rivals) == 0 {
			delete(v.engine.pins, k)
			continue
		}
		hidden, err := v.hidden(k, row, nil)
		if err != nil {
			return err
		}
		if hidden && !v.engine.pins[k] {
			v.engine.noteHidden(k, row.reg, v.rows[v.first(rivals)].reg)
		}
		v.engine.pins[k] = hidden
	}
	return nil
}

// first is the one of several keys whose row is walked first.
func (v *view) first(keys []Key) Key {
	return slices.MinFunc(keys, func(j, k Key) int {
		if precedes(j, &v.rows[j].reg, k, &v.rows[k].reg) {
			return -1
		}
		return 1
	})
}

// unpin lets go of rows that share no unique value any more. A snapshot may pin more rows than the registers that were found with it say:
// these can be newer.
func (e *Engine) unpin() error {
	v := e.onM()
	for k := range e.pins {
		row, err := v.row(k)
		if err != nil {
			return err
		}
		rivals, err := v.rivals(k, row.reg.Row)
		if err != nil {
			return err
		}
		if len(rivals) == 0 {
			delete(e.pins, k)
		}
	}
	return nil
}

// Redefine has a known row have other unique values: the table has gained or lost unique keys. Rows that were hidden by a value that does not count any
// more are put back, rows that share one now give way. What a row's values are follows from it and the table's definition: this merges nothing.
func (e *Engine) Redefine(k Key, unique []string) error {
	reg, known, err := e.index.Get(k)
	if err != nil || !known || slices.Equal(reg.Row.Unique, unique) {
		return err
	}
	v := e.onM()
	reg.Row.Unique = slices.Clone(unique)
	if err := v.put(k, reg); err != nil {
		return err
	}
	return e.settle(v, e.repairs.add)
}
