package conflict

import (
	"maps"
	"slices"

	"github.com/octant-db/octant/relay"
)

// repairQueue holds the rows whose table image is not what M says, oldest first.
type repairQueue struct {
	place  map[Key]uint64
	order  []Key // may hold keys that have left; place decides
	first  uint64
	parked map[Key]bool // owed, and not to be tried now; true: it keeps the stable cut back. See Park
	backs  int          // parked ones that do
}

func (q *repairQueue) add(k Key) {
	if q.has(k) {
		return
	}
	if q.place == nil {
		q.place = make(map[Key]uint64)
	}
	q.place[k] = q.first + uint64(len(q.order))
	q.order = append(q.order, k)
}

func (q *repairQueue) remove(k Key) {
	q.unpark(k)
	q.leave(k)
}

// park has a key wait until unpark.
func (q *repairQueue) park(k Key, keepsBack bool) {
	q.remove(k)
	if q.parked == nil {
		q.parked = make(map[Key]bool)
	}
	q.parked[k] = keepsBack
	if keepsBack {
		q.backs++
	}
}

// unpark lets go of a parked key, and tells whether it was one.
func (q *repairQueue) unpark(k Key) bool {
	keepsBack, parked := q.parked[k]
	if keepsBack {
		q.backs--
	}
	delete(q.parked, k)
	return parked
}

// leave takes a key out of those that wait.
func (q *repairQueue) leave(k Key) {
	delete(q.place, k)
	for len(q.order) > 0 && !q.current(0) {
		q.order = q.order[1:]
		q.first++
	}
}

func (q *repairQueue) has(k Key) bool {
	_, waits := q.place[k]
	_, parked := q.parked[k]
	return waits || parked
}

// len is how many wait; parked ones do not.
func (q *repairQueue) len() int { return len(q.place) }

// current tells whether the i-th entry of order still stands for its key.
func (q *repairQueue) current(i int) bool {
	at, ok := q.place[q.order[i]]
	return ok && at == q.first+uint64(i)
}

func (q *repairQueue) keys() []Key {
	keys := make([]Key, 0, len(q.place))
	for i, k := range q.order {
		if q.current(i) {
			keys = append(keys, k)
		}
	}
	return append(keys, slices.Sorted(maps.Keys(q.parked))...)
}

// strike takes a row off the queue, since the log says that it is as it is to be. What was owed at the checkpoint stays on it while the log is merged again: the row may have become
// another one behind this entry, without being in the log, and the register that is newer than the entry does not show that again.
func (e *Engine) strike(k Key) {
	if _, owed := e.owed[k]; owed && e.lsn <= e.again {
		return
	}
	e.repairs.remove(k)
}

// Repair plans at most limit rows of the repair queue to be written as M has them, nil if none can be now. Rows that are pending
// wait: what is on its way to them will be seen in the log first.
func (e *Engine) Repair(limit int) (*Plan, error) {
	p := &Plan{Mark: relay.Mark{Origin: e.self, Nonce: e.nonce + 1}}
	var held []Key
	for i := 0; i < len(e.repairs.order) && len(p.Writes) < limit; i++ {
		k := e.repairs.order[i]
		switch {
		case !e.repairs.current(i):
			continue
		case e.rule(k).Held:
			held = append(held, k)
			continue
		}
		if err := e.planRepair(p, k); err != nil {
			return nil, err
		}
	}
	for _, k := range held {
		e.Park(k)
	}
	if len(p.Writes) == 0 {
		return nil, nil
	}
	e.nonce++
	e.flights[flightOf(p.Mark)] = p
	return p, nil
}

// repairAgain decides a repair's rows again.
func (e *Engine) repairAgain(p *Plan) error {
	old := p.Writes
	p.Writes = nil
	for i := range old {
		if err := e.planRepair(p, old[i].Key); err != nil {
			return err
		}
	}
	return nil
}

func (e *Engine) planRepair(p *Plan, k Key) error {
	if _, pending := e.pending[k]; pending || e.rule(k).Held {
		return nil
	}
	reg, _, err := e.index.Get(k)
	if err != nil {
		return err
	}
	right, err := e.shown(k)
	if err != nil {
		return err
	}
	if !right.Known {
		e.repairs.remove(k)
		return nil
	}
	e.pend(k, &reg, p)
	p.Writes = append(p.Writes, Write{Key: k, Before: right.Row, After: right.Row, Version: reg.Version, Expect: relay.Unknown})
	return nil
}

// calm takes a row out of the queue that a repair found as it should be, so that the log shows no write of it. If it was not known what stood
// there when the row's history began, it is now: nothing of the history has been written since.
func (e *Engine) calm(w *Write, landed *Landed) error {
	if _, wrote := landed.done[w.Key]; wrote {
		return nil
	}
	reg, _, err := e.index.Get(w.Key)
	if err != nil {
		return err
	}
	right, err := e.shown(w.Key)
	if err != nil || !right.Known || !right.Row.Same(w.After) {
		return err
	}
	e.repairs.remove(w.Key)
	if reg.unlearned() {
		return e.recall(w.Key, reg, w.After, e.repairs.add)
	}
	return nil
}
