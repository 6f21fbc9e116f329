package conflict

import (
	"maps"
	"slices"

	"github.com/octant-db/octant/relay"
)

// A row that the table cannot be made to show, because the database refuses it, is parked: it stays owed, its register is kept, and later
// writes of it are merged as ever, but no repair is planned for it until Unpark. What M says of the row does not depend on what
// the table shows, so other regions need not wait for it: a parked row does not keep the stable cut back. Whoever writes it here next is
// later than the write that is owed, for the clock has passed that.
//
// Where it matters what a write was based on it does keep it back: under Merge and Counter, Reject and Rollback. Regions that had
// forgotten the row would take what the author found for what they show themselves, but a parked row shows something else.

// Park has a row that is owed wait until Unpark. It tells whether the row is owed.
func (e *Engine) Park(k Key) bool {
	if !e.repairs.has(k) {
		return false
	}
	e.repairs.park(k, e.rule(k).Policy.based())
	return true
}

// Unpark has a parked row repaired.
func (e *Engine) Unpark(k Key) {
	if e.repairs.unpark(k) {
		e.repairs.add(k)
	}
}

// UnparkAll has all parked rows repaired for which the function says so.
func (e *Engine) UnparkAll(which func(Key) bool) {
	for _, k := range slices.Sorted(maps.Keys(e.repairs.parked)) {
		if which(k) {
			e.Unpark(k)
		}
	}
}

// Forgive leaves a row as it stands in the table, until it is written again.
func (e *Engine) Forgive(k Key) { e.repairs.remove(k) }

// Owes tells whether the table does not show a row as M has it, or a write of it is on its way.
func (e *Engine) Owes(k Key) bool {
	_, pending := e.pending[k]
	return pending || e.repairs.has(k)
}

// Parked is how many rows are parked.
func (e *Engine) Parked() int { return len(e.repairs.parked) }

// Version is that of the newest write of a row that M knows; the zero version if it knows none.
func (e *Engine) Version(k Key) relay.Version {
	reg, _, err := e.index.Get(k)
	if err != nil {
		return relay.Version{}
	}
	return reg.Version
}

// Right is what the table is to show under a key, and the version of its newest write.
func (e *Engine) Right(k Key) (Shown, Register, error) {
	reg, _, err := e.index.Get(k)
	if err != nil {
		return Shown{}, reg, err
	}
	s, err := e.shown(k)
	return s, reg, err
}

// LeaveOut takes writes out of a plan that is not to be committed with them. Once its mark has passed, the rows are owed. A repair owes them
// all along.
func (e *Engine) LeaveOut(p *Plan, out func(*Write) bool) {
	p.Writes = slices.DeleteFunc(slices.Clone(p.Writes), func(w Write) bool { // the log may be compared with them just now
		if !out(&w) {
			return false
		}
		p.straight = 0
		if p.Mark.Repair() {
			e.unpend(w.Key, p)
		}
		return true
	})
}
