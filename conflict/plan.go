package conflict

import (
	"fmt"

	"github.com/octant-db/octant/relay"
)

// Plan is what the applier shall write in one database transaction, and the mark that it writes beside it. Until capture has passed
// the mark, or the plan is dropped, the engine counts its writes as pending.
type Plan struct {
	Mark   relay.Mark
	Writes []Write
}

// Write is one row's new state.
type Write struct {
	Key     Key
	Before  Row // an image with the row's key, if one is known
	After   Row
	Version relay.Version
	Expect  relay.Presence
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
	Register
	plan *Plan
}

// Resume tells the engine, once after New, what the database's own ledger says was applied of an origin, so that nothing is
// planned twice.
func (e *Engine) Resume(origin relay.Region, applied relay.Seq) {
	e.planned[origin] = max(applied, e.seen[origin].Seq)
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
	p := &Plan{Mark: relay.Mark{
		Origin: last.Origin,
		Range:  relay.Range{From: batch[0].Seq, To: last.Seq},
		HLC:    last.HLC,
	}}
	b := e.newBatch(p)
	for i := range batch {
		if err := b.take(&batch[i]); err != nil {
			return nil, err
		}
	}
	b.finish()
	e.planned[last.Origin] = last.Seq
	e.flights[flightOf(p.Mark)] = p
	return p, nil
}

// unplanned leaves out what was planned before: the exactly-once check.
func (e *Engine) unplanned(batch []Transaction) []Transaction {
	for len(batch) > 0 && batch[0].Seq <= e.planned[batch[0].Origin] {
		batch = batch[1:]
	}
	return batch
}

// Reconsider decides a plan again that found a row otherwise than it expected: capture has since passed what was in the way. Writes that
// have lost meanwhile are taken out, the others are to look before they write.
func (e *Engine) Reconsider(p *Plan) error {
	kept := make([]Write, 0, len(p.Writes))
	for _, w := range p.Writes {
		reg, _, err := e.index.Get(w.Key)
		if err != nil {
			return err
		}
		if reg.Version.After(w.Version) {
			e.unpend(w.Key, p)
			continue
		}
		w.Expect = relay.Unknown
		kept = append(kept, w)
	}
	p.Writes = kept
	return nil
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
	b := e.newBatch(&Plan{})
	if err := b.take(t); err != nil {
		return nil, err
	}
	b.list()
	return b.plan.Writes, nil
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
func (e *Engine) land(mark relay.Mark, landed *Landed) {
	p := e.flights[flightOf(mark)]
	if p == nil {
		return
	}
	e.forget(p)
	if !mark.Repair() {
		return
	}
	for i := range p.Writes {
		e.settle(&p.Writes[i], landed)
	}
}

func (e *Engine) forget(p *Plan) {
	delete(e.flights, flightOf(p.Mark))
	for i := range p.Writes {
		e.unpend(p.Writes[i].Key, p)
	}
}

// unpend takes a row of the plan out of the overlay, unless a later plan has taken it over.
func (e *Engine) unpend(k Key, p *Plan) {
	if e.pending[k].plan == p {
		delete(e.pending, k)
	}
}

// batch is the view that a plan is decided on: M, what is pending, and what the plan itself writes so far.
type batch struct {
	engine *Engine
	plan   *Plan
	rows   map[Key]*batchRow
	order  []Key
}

type batchRow struct {
	Register
	before Row
	expect relay.Presence
}

func (e *Engine) newBatch(p *Plan) *batch {
	return &batch{engine: e, plan: p, rows: make(map[Key]*batchRow)}
}

func (b *batch) take(t *Transaction) error {
	v := t.Version()
	for i := range t.Changes {
		if err := b.change(v, &t.Changes[i]); err != nil {
			return err
		}
	}
	return nil
}

func (b *batch) change(v relay.Version, c *Change) error {
	if row := b.rows[c.Key]; row != nil {
		row.merge(v, c.After)
		return nil
	}
	reg, known, err := b.engine.view(c.Key)
	if err != nil {
		return err
	}
	row := &batchRow{Register: reg, before: reg.Row, expect: expectation(reg, known, c)}
	if !row.merge(v, c.After) {
		b.engine.counters.Skipped++
		return nil
	}
	if !row.before.Exists() {
		row.before = c.Before
	}
	b.rows[c.Key] = row
	b.order = append(b.order, c.Key)
	return nil
}

// view is a row as the applier will find it.
func (e *Engine) view(k Key) (Register, bool, error) {
	if p, ok := e.pending[k]; ok {
		return p.Register, true, nil
	}
	return e.index.Get(k)
}

// expectation says whether a row should stand there: as far as M knows, else as the change's origin found it.
func expectation(reg Register, known bool, c *Change) relay.Presence {
	exists := c.Before.Exists()
	if known {
		exists = reg.Row.Exists()
	}
	if exists {
		return relay.Present
	}
	return relay.Absent
}

// finish turns the rows into writes that are pending from now on.
func (b *batch) finish() {
	b.list()
	for _, w := range b.plan.Writes {
		b.engine.pending[w.Key] = pendingWrite{Register: Register{Version: w.Version, Row: w.After}, plan: b.plan}
	}
}

// list turns the rows into writes, in the order in which they were first changed.
func (b *batch) list() {
	for _, k := range b.order {
		row := b.rows[k]
		b.plan.Writes = append(b.plan.Writes, Write{
			Key: k, Before: row.before, After: row.Row, Version: row.Version, Expect: row.expect,
		})
	}
}
