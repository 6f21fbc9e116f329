package conflict

import (
	"bytes"
	"slices"

	"github.com/octant-db/octant/relay"
)

// Key is a row's identity together with its table's name. The engine only compares keys.
type Key string

// Row is what stands under a key. The zero Row says that nothing does.
type Row struct {
	Table *relay.Table // how to read and write the image; the engine never looks at it
	Image relay.Image
	Gone  bool // nothing stands there any more: Image is of the row that did, for finding it by its key
	// Partial says that Image lacks columns. As what stood before a change it tells the key, and cannot be put back.
	Partial bool
	// Unique has the row's values in secondary unique keys, its table and the index in front of each: two rows that
	// share one cannot stand at a time.
	Unique []string
	// Parents names the rows that it refers to by foreign keys that change it when they are deleted, Children is what such foreign keys of other rows
	// that refer to it have in their Parents: a row's values in the foreign key, and that in front.
	Parents, Children []string
	Middle            bool // rows of its table can have parents and be parents: see chain.go
}

// Claims is what an index lists the row under: its unique values and its parents.
func (r Row) Claims() []string {
	switch {
	case len(r.Parents) == 0:
		return r.Unique
	case len(r.Unique) == 0:
		return r.Parents
	}
	return append(slices.Clip(r.Unique), r.Parents...)
}

// Exists tells whether there is a row.
func (r Row) Exists() bool { return r.Image != nil && !r.Gone }

// Deleted is the row once it has been deleted.
func (r Row) Deleted() Row {
	r.Gone = true
	return r
}

// kept is the row for keeping: its image may be cut out of a whole transaction.
func (r Row) kept() Row {
	r.Image = bytes.Clone(r.Image)
	return r
}

// Same tells whether two rows are equal, byte for byte. Where the table's definition was changed between them the engine's own comparison counts.
func (r Row) Same(s Row) bool {
	if !r.Exists() || !s.Exists() {
		return r.Exists() == s.Exists()
	}
	if r.redefined(s) && r.Table.Same != nil {
		return r.Table.Same(r.Image, s.Table, s.Image)
	}
	return string(r.Image) == string(s.Image)
}

// identical tells whether two rows are equal and of one definition. Of rows of two definitions it is not known whether what only one of them has is
// what a row without it is given.
func (r Row) identical(s Row) bool {
	return !(r.Exists() && s.Exists() && r.redefined(s)) && r.Same(s)
}

// renamed tells whether a row that stands has other unique values now, of a table that has gained or lost unique keys.
func (r Row) renamed(now Row) bool {
	return r.Exists() && now.Exists() && !slices.Equal(r.Unique, now.Unique) && r.Same(now)
}

// redefined tells whether the table's definition was changed between two rows.
func (r Row) redefined(s Row) bool {
	return r.Table != s.Table && r.Table != nil && s.Table != nil &&
		(r.Table.Flavour != s.Table.Flavour || !bytes.Equal(r.Table.Native, s.Table.Native))
}

// Change is what happened to one key: a change of a row, or one half of a change that moved a row to another key.
type Change struct {
	Key    Key
	Before Row
	After  Row
	// Left has names under which rows refer to Before, and to nothing any more: those of foreign keys that take them away from such rows when it is changed.
	Left []string
	// Rekeyed has names under which rows refer to Before and follow it to another key.
	Rekeyed []Rekey
	// Moved says that Before was given another key and is not deleted: it is still what it was for those who have not seen that.
	Moved bool
}

// Transaction is a transaction as the engine sees it. A change of a primary key has been split into a delete and an insert.
type Transaction struct {
	Origin  relay.Region
	Seq     relay.Seq
	HLC     relay.HLC
	Deps    relay.Vector
	Force   bool  // an operator's decision: Reject and Rollback take it whatever it met
	Emptied []Key // what the keys of tables begin with that it emptied before its changes: see empty.go
	Changes []Change
	Found   map[string][]Found // for plans: rows that stand in the table and name a parent that it deletes, or that goes with one; see kin.go
}

// Version is the version of every row of the transaction.
func (t *Transaction) Version() relay.Version {
	return relay.Version{HLC: t.HLC, Region: t.Origin}
}

// Register is what M knows of one row.
type Register struct {
	Version relay.Version // of the newest write
	Shown   relay.Version // of the write that Row shows; the last writer wins: Version
	Row     Row           // what the row's own writes come to; another row's unique values may keep it from standing
	Blank   bool          // Row is not known, and need not be: what stands in the table is right
	Deps    relay.Vector  // what the author of Version had seen, under the last writer wins; shared. A history has that of each write

	History *History // nil under the last writer wins
	Unit    []Key    // the rows of a transaction that stays or goes as a whole; see unitKey
	Ends    []End    // the deletions of a parent, oldest first; see endKey

	// Wrote is the row as its newest write left it, and Fates are the ends that concern it since, oldest first, of a row that can lose one parent in two
	// ways: see fate.go. Row is what they make of it.
	Wrote Row
	Fates []Fate

	// Past are the writes of a row in the middle of a chain, oldest first: see chain.go. Its Fates are the ends of what any of them names.
	Past  []Link
	Until relay.HLC // what is known of the row is needed up to here, for the sake of ends of its parents
	Place int       // of a row with parents: how many changes of its newest write's transaction that end parents came before that
}

// Claims is what an index lists a register under.
func (r *Register) Claims() []string {
	switch {
	case len(r.Ends) > 0:
		return r.arrivals()
	case len(r.Past) > 0:
		parents, _ := r.ties()
		if r.Row.Exists() {
			return append(parents, r.Row.Unique...)
		}
		return parents
	case !r.Wrote.Exists() && !r.Row.Exists():
		return nil
	case !r.Wrote.Exists():
		return r.Row.Claims()
	case !r.Row.Exists():
		return append(slices.Clip(r.Wrote.Parents), r.steps()...)
	}
	return append(append(slices.Clip(r.Row.Claims()), r.Wrote.Parents...), r.steps()...)
}

// arrivals list the ends of a parent under what its children have followed it to.
func (r *Register) arrivals() (list []string) {
	for i := range r.Ends {
		if to := r.Ends[i].Now.To; to != "" {
			list = append(list, arrival(to))
		}
	}
	return list
}

// steps are the names that a row may have followed its parents to.
func (r *Register) steps() (list []string) {
	for i := range r.Fates {
		if to := r.Fates[i].Now.To; to != "" {
			list = append(list, to)
		}
	}
	return list
}

// Age is the clock up to which a register is needed.
func (r *Register) Age() relay.HLC {
	age := max(r.Version.HLC, r.Until)
	for i := range r.Fates {
		age = max(age, r.Fates[i].Version.HLC)
	}
	return age
}

// merge joins a write into a register and tells whether it was taken. A write of the register's own version is taken
// too: a transaction may change a row more than once, and its last change counts.
func (r *Register) merge(t *Transaction, row Row) bool {
	v := t.Version()
	if r.Version.After(v) {
		return false
	}
	*r = Register{Version: v, Shown: v, Row: row, Deps: t.Deps}
	return true
}

// plain tells whether a register is of a row that the last writer wins and that no other row can be in the way of.
func (r *Register) plain() bool { return r.History == nil && len(r.Row.Unique) == 0 }
