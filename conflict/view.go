package conflict

import (
	"slices"

	"github.com/octant-db/octant/relay"
)

// view is M with writes merged into it that M does not have yet: those of the entry that capture is passing, or those that the applier
// is about to make. It also says what the table is to show, T(M), and which rows of it the writes have changed.
type view struct {
	engine  *Engine
	under   func(Key) (Register, bool, error) // what lies below
	lists   func(value string) ([]Key, error) // claims of what lies below
	rows    map[Key]*viewRow
	spare   []viewRow // made together: most views have many rows
	order   []Key
	claims  map[string][]Key // of rows that were set
	ended   []Fate           // the ends of parents
	linking []Key            // rows in the middle of chains that are being looked at
	turn    int              // how many changes that end parents the transaction has had
	below   map[string][]Found
	merging relay.Version   // the transaction that is being merged
	merged  []relay.Version // others of the same entry that were merged before it
}

type viewRow struct {
	reg   Register
	known bool
	set   bool
	noted bool    // was says what it showed
	was   Shown   // before the first write that could change it
	first *Change // of the row by the writes that were taken
	found bool    // in the table, as a child of a row that is deleted
}

// Shown is what the table is to show under a key.
type Shown struct {
	Known bool // false: what stands there is right
	Row   Row
}

func newView(e *Engine, under func(Key) (Register, bool, error), lists func(string) ([]Key, error)) *view {
	return &view{engine: e, under: under, lists: lists}
}

// onM is a view of M itself.
func (e *Engine) onM() *view { return newView(e, e.index.Get, e.index.Claims) }

func (v *view) row(k Key) (*viewRow, error) {
	if row := v.rows[k]; row != nil {
		return row, nil
	}
	reg, known, err := v.under(k)
	if err != nil {
		return nil, err
	}
	if len(v.spare) == 0 {
		v.expect(1)
	}
	row := &v.spare[0]
	v.spare = v.spare[1:]
	row.reg, row.known = reg, known
	v.rows[k] = row
	v.order = append(v.order, k)
	return row, nil
}

// expect makes room for rows that will be asked for.
func (v *view) expect(rows int) {
	if v.rows == nil {
		v.rows = make(map[Key]*viewRow, rows)
	}
	v.order = slices.Grow(v.order, rows)
	v.spare = make([]viewRow, rows)
}

// take merges one change of a transaction. Base is what the local log says stood under the key before, nil if this is not
// the local log.
func (v *view) take(t *Transaction, c *Change, base *Row) error {
	row, err := v.row(c.Key)
	if err != nil {
		return err
	}
	if row.first == nil {
		row.first = c
	}
	rule := v.engine.rule(c.Key)
	if rule.Policy != LWW {
		return v.takeEvent(rule, t, c, base)
	}
	reg := row.reg
	if reg.middle() || c.middle() {
		return v.takeLink(t, c, reg)
	}
	if !reg.merge(t, c.After) {
		v.engine.counters.Skipped++
		return v.look(c.Key)
	}
	if len(c.After.Parents) > 0 {
		reg.Place = v.turn
	}
	if reg, err = v.survive(c.Key, reg); err != nil {
		return err
	}
	return v.put(c.Key, reg)
}

// put sets a register, and notes what the rows showed before that it may change.
func (v *view) put(k Key, reg Register) error {
	row, err := v.row(k)
	if err != nil {
		return err
	}
	if err := v.around(k, row, reg.Row); err != nil {
		return err
	}
	row.reg, row.known, row.set = reg, true, true
	v.claim(k, reg.Claims())
	return nil
}

func (v *view) claim(k Key, values []string) {
	if len(values) > 0 && v.claims == nil {
		v.claims = make(map[string][]Key)
	}
	for _, u := range values {
		v.claims[u] = append(v.claims[u], k)
	}
}

// look is put for a row that stays as it is.
func (v *view) look(k Key) error {
	row, err := v.row(k)
	if err != nil {
		return err
	}
	return v.around(k, row, row.reg.Row)
}

// around notes what is shown under a key and all others that may change when the key's row becomes another one.
func (v *view) around(k Key, row *viewRow, to Row) error {
	if err := v.noteShown(k, row); err != nil {
		return err
	}
	keys, err := v.reach(k, row.reg.Row, to)
	if err != nil {
		return err
	}
	for _, other := range keys {
		row, err := v.row(other)
		if err == nil {
			err = v.noteShown(other, row)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (v *view) noteShown(k Key, row *viewRow) (err error) {
	if row.noted {
		return nil
	}
	row.noted = true
	row.was, err = v.shown(k, row)
	return err
}

// changes yields the rows that show something else now, in the order in which they were met.
func (v *view) changes(yield func(k Key, row *viewRow, now Shown) error) error {
	for i := 0; i < len(v.order); i++ { // it may grow
		k := v.order[i]
		row := v.rows[k]
		if !row.noted || row.reg.Unit != nil {
			continue
		}
		now, err := v.shown(k, row)
		if err != nil {
			return err
		}
		if !now.Known || row.was.Known && row.was.Row.identical(now.Row) {
			continue
		}
		if err := yield(k, row, now); err != nil {
			return err
		}
	}
	return nil
}

// show is what the table is to show under a key.
func (v *view) show(k Key) (Shown, error) {
	row, err := v.row(k)
	if err != nil {
		return Shown{}, err
	}
	return v.shown(k, row)
}

func (v *view) shown(k Key, row *viewRow) (Shown, error) {
	if !row.known || row.reg.Blank {
		return Shown{}, nil
	}
	hidden, err := v.hidden(k, row, nil)
	if err != nil {
		return Shown{}, err
	}
	if hidden {
		return Shown{Known: true, Row: row.reg.Row.Deleted()}, nil
	}
	return Shown{Known: true, Row: row.reg.Row}, nil
}

// sorted removes doubles, so that nothing depends on the order in which an index lists its keys.
func sorted(keys []Key) []Key {
	slices.Sort(keys)
	return slices.Compact(keys)
}
