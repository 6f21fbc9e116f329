package conflict

import (
	"fmt"
	"slices"

	"github.com/octant-db/octant/relay"
)

// Plan is what the applier shall write in one database transaction, and the mark that it writes beside it. Until capture has passed
// the mark, or the plan is dropped, the engine counts its writes as pending.
type Plan struct {
	Mark   relay.Mark
	Writes []Write
	Era    uint64 // the applier's own: by which definitions the rows were identified

	batch []Transaction // what it was made from, for deciding it again; of a streamed one only the header
	rows  []Key         // that it has in the overlay

	// straight is how many writes there are, if each change of the batch is plain and has a part in one of them; 0 if not. See intent.go.
	straight int
	// places are the writes of the batch's changes, in their order; nil if each has its own.
	places []int
}

// Write is one row's new state.
type Write struct {
	Key     Key
	Before  Row // an image with the row's key, if one is known
	After   Row
	Version relay.Version
	Expect  relay.Presence
	Found   bool // nothing is known of the row: if it is left out, nothing owes it
}

// flight names a plan by what its mark will say in the log.
type flight struct {
	origin relay.Region
	to     relay.Seq
	nonce  uint64
}

func flightOf(m relay.Mark) flight {
	return flight{origin: m.Origin, to: m.Range.To, nonce: m.Nonce}
}

// pendingWrite is a row that was planned and not yet seen in the log.
type pendingWrite struct {
	Kept
	plan  *Plan
	write int  // which of the plan's writes is the row's, -1 for none; see plainly
	known bool // what stood there before the plan was known
}

// Resume tells the engine, after New and whenever no plan of the origin is being written, what the database's own ledger says was applied of it, so that nothing is
// planned twice. Plans that were committed and that the database has lost again, before capture has passed them, are forgotten.
func (e *Engine) Resume(origin relay.Region, applied relay.Seq) {
	e.planned[origin] = max(applied, e.seen[origin].Seq)
	for f, p := range e.flights {
		if f.origin == origin && !p.Mark.Repair() && p.Mark.Range.From > e.planned[origin] {
			e.forget(p)
		}
	}
}

// Planned returns the last transaction of the origin that was planned.
func (e *Engine) Planned(origin relay.Region) relay.Seq { return e.planned[origin] }

// Plan decides what a batch of transactions of one origin, in order and without holes, changes in the table as the applier
// will find it. A batch that changes nothing still needs its mark. Transactions that were planned before are left out; if
// that leaves none, Plan returns nil.
func (e *Engine) Plan(batch []Transaction) (*Plan, error) {
	batch = e.unplanned(batch)
	if len(batch) == 0 {
		return nil, nil
	}
	if want := e.planned[batch[0].Origin] + 1; batch[0].Seq != want {
		return nil, fmt.Errorf("plan transaction %d of region %d: %d must come first", batch[0].Seq, batch[0].Origin, want)
	}
	last := batch[len(batch)-1]
	p := &Plan{batch: batch, Mark: relay.Mark{
		Origin: last.Origin,
		Range:  relay.Range{From: batch[0].Seq, To: last.Seq},
		HLC:    last.HLC,
	}}
	if err := e.decide(p); err != nil {
		return nil, err
	}
	e.planned[last.Origin] = last.Seq
	e.flights[flightOf(p.Mark)] = p
	return p, nil
}

// decide finds out what a plan's transactions change.
func (e *Engine) decide(p *Plan) error {
	if plain, err := e.plainly(p); plain || err != nil {
		return err
	}
	v, rows := e.onPending(), 0
	for i := range p.batch {
		rows += len(p.batch[i].Changes)
	}
	v.expect(rows)
	for i := range p.batch {
		if err := v.takeAll(&p.batch[i]); err != nil {
			return err
		}
	}
	var err error
	if p.Writes, err = v.writes(); err != nil {
		return err
	}
	p.rows = make([]Key, 0, len(v.order))
	for _, k := range v.order {
		if row := v.rows[k]; row.set {
			e.pend(k, &row.reg, p)
		}
	}
	return nil
}

// unplanned leaves out what was planned before: the exactly-once check.
func (e *Engine) unplanned(batch []Transaction) []Transaction {
	for len(batch) > 0 && batch[0].Seq <= e.planned[batch[0].Origin] {
		batch = batch[1:]
	}
	return batch
}

// Reconsider decides a plan again that found rows otherwise than it expected, or their unique values taken: capture has since passed what
// was in the way. Writes that have lost meanwhile are taken out, the others are to look before they write. A row that still has a value
// that one of them needs may be deleted in the same transaction: either M does not know it, and it is older than all that M
// knows, or it is not what M says, and repair will write it. A streamed plan is decided anew as it is written.
func (e *Engine) Reconsider(p *Plan) error {
	e.recant(p)
	var err error
	if p.Mark.Repair() {
		err = e.repairAgain(p)
	} else {
		err = e.decide(p)
	}
	for i := range p.Writes {
		p.Writes[i].Expect = relay.Unknown
	}
	p.straight = 0
	return err
}

// recant takes a plan out of the overlay.
func (e *Engine) recant(p *Plan) {
	for _, k := range p.rows {
		e.unpend(k, p)
	}
	p.rows, p.straight, p.places = nil, 0, nil
}

// Stream begins a plan for one transaction that is too large to be held at once. Its changes are decided in parts by Decide, and
// are not counted as pending: what they do to others is settled when capture passes them.
func (e *Engine) Stream(t *Transaction) (*Plan, error) {
	header := *t
	header.Changes = nil
	return e.Plan([]Transaction{header})
}

// Decide returns the writes of a part of a streamed transaction.
func (e *Engine) Decide(t *Transaction) ([]Write, error) {
	v := e.onPending()
	if err := v.takeAll(t); err != nil {
		return nil, err
	}
	return v.writes()
}

// Probe returns a plan that writes nothing but a mark. Once capture has passed it ([Engine.Landed]), marks are known to
// survive the round trip, and everything committed before it has been merged.
func (e *Engine) Probe() *Plan {
	e.nonce++
	p := &Plan{Mark: relay.Mark{Origin: e.self, Nonce: e.nonce}}
	e.flights[flightOf(p.Mark)] = p
	return p
}

// Landed tells whether capture has passed the plan's mark.
func (e *Engine) Landed(p *Plan) bool { return e.flights[flightOf(p.Mark)] != p }

// Drop forgets a plan that was not committed and never will be. Its transactions may be planned again.
func (e *Engine) Drop(p *Plan) {
	e.forget(p)
	if !p.Mark.Repair() {
		e.planned[p.Mark.Origin] = min(e.planned[p.Mark.Origin], p.Mark.Range.From-1)
	}
}

// land ends a plan whose mark capture has passed. A repair that wrote nothing found its rows right.
func (e *Engine) land(mark relay.Mark, landed *Landed) error {
	p := e.flights[flightOf(mark)]
	if p == nil {
		return nil
	}
	e.forget(p)
	if !mark.Repair() {
		return nil
	}
	for i := range p.Writes {
		if err := e.calm(&p.Writes[i], landed); err != nil {
			return err
		}
	}
	return nil
}

func (e *Engine) forget(p *Plan) {
	delete(e.flights, flightOf(p.Mark))
	e.recant(p)
}

// pend puts a row into the overlay.
func (e *Engine) pend(k Key, reg *Register, p *Plan) {
	e.disclaim(k, e.pending[k])
	for _, u := range reg.Claims() {
		e.claims[u] = append(e.claims[u], k)
	}
	e.pending[k] = &pendingWrite{Kept: keptOf(reg), plan: p, write: -1}
	p.rows = append(p.rows, k)
}

// unpend takes a row of the plan out of the overlay, unless a later plan has taken it over.
func (e *Engine) unpend(k Key, p *Plan) {
	if w := e.pending[k]; w != nil && w.plan == p {
		e.disclaim(k, w)
		delete(e.pending, k)
	}
}

// disclaim takes back the unique values of a pending row, if there is one.
func (e *Engine) disclaim(k Key, w *pendingWrite) {
	if w == nil {
		return
	}
	for _, u := range w.claims() {
		keys := slices.DeleteFunc(e.claims[u], func(other Key) bool { return other == k })
		if e.claims[u] = keys; len(keys) == 0 {
			delete(e.claims, u)
		}
	}
}

// onPending is a view of the table as the applier will find it.
func (e *Engine) onPending() *view {
	return newView(e, e.view, func(value string) ([]Key, error) {
		keys, err := e.index.Claims(value)
		return append(keys, e.claims[value]...), err
	})
}

// view is a row as the applier will find it.
func (e *Engine) view(k Key) (Register, bool, error) {
	if w := e.pending[k]; w != nil {
		return w.register(), true, nil
	}
	return e.index.Get(k)
}

func (v *view) takeAll(t *Transaction) error {
	v.turn, v.below, v.merging = 0, t.Found, t.Version()
	for i := range t.Changes {
		if err := v.take(t, &t.Changes[i], nil); err != nil {
			return err
		}
		if err := v.lose(t, &t.Changes[i]); err != nil {
			return err
		}
	}
	return nil
}

// writes lists what has changed in the table, in the order in which the rows were first met.
func (v *view) writes() ([]Write, error) {
	list := make([]Write, 0, len(v.order))
	err := v.changes(func(k Key, row *viewRow, now Shown) error {
		if v.engine.rule(k).Held && !row.found {
			return nil
		}
		w := Write{Key: k, Before: row.was.Row, After: now.Row, Version: row.reg.Version, Expect: expectation(row.was, row.first), Found: row.found}
		if row.first != nil && !w.Before.Exists() {
			w.Before = row.first.Before
		}
		if !w.After.Exists() && w.After.Image == nil {
			w.After = w.Before.Deleted()
		}
		list = append(list, w)
		return nil
	})
	return list, err
}

// expectation says whether a row should stand there: as far as M knows, else as the change's origin found it.
func expectation(was Shown, c *Change) relay.Presence {
	exists := was.Row.Exists()
	if !was.Known {
		if c == nil {
			return relay.Unknown
		}
		exists = c.Before.Exists()
	}
	if exists {
		return relay.Present
	}
	return relay.Absent
}
