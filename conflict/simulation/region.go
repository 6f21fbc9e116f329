package simulation

import (
	"maps"
	"slices"
	"time"

	"github.com/octant-db/octant/conflict"
	"github.com/octant-db/octant/relay"
)

// region is one database and its relay.
type region struct {
	id     relay.Region
	others []relay.Region
	db     *database
	skew   time.Duration
	silent bool // its applications have stopped writing

	expected []relay.Region             // regions that are about to join
	began    map[relay.Region]relay.Seq // by origin: transactions that its rows had when it joined

	mourning *mourning // what it knows of a region that is lost

	refused map[conflict.Key]bool          // rows that its database does not take from the relay
	missing bool                           // it lacks a table: see nameless
	unnamed bool                           // there are rows with provisional keys
	held    string                         // a table that the relay leaves as it stands
	skipped map[conflict.Key]relay.Version // rows that its operator does without, as of a write
	schema  Schema
	broken  map[string]bool // parents of which its relay has said that rows two generations below them may differ
	torn    map[string]bool // parents of which its relay has said that its rows may differ

	// Durable in the relay's log.
	state    relay.State
	entries  []entry
	received map[relay.Region][]conflict.Transaction
	saved    checkpoint

	// Volatile.
	engine  *conflict.Engine
	index   *conflict.Memory
	merged  int
	flights []*conflict.Plan

	recovered int // entries that there were at the last restart

	streams  map[*conflict.Plan]bool // of the flights: those that were decided in parts
	clearing map[*conflict.Plan]bool // of the flights: those that take other rows out of their way

	record record
	starts uint64
}

// entry is one record of the relay's local stream.
type entry struct {
	relay.Entry
	changes []conflict.Change
	force   bool
	emptied string
}

// checkpoint is what the relay has on disk of its engine.
type checkpoint struct {
	index    map[conflict.Key]conflict.Register
	snapshot conflict.Snapshot
	merged   int
}

func newRegion(id relay.Region, others []relay.Region, skew time.Duration, schema Schema) *region {
	r := &region{
		id: id, others: others, db: newDatabase(schema), skew: skew, schema: schema,
		received: make(map[relay.Region][]conflict.Transaction), refused: make(map[conflict.Key]bool),
		skipped: make(map[conflict.Key]relay.Version), torn: make(map[string]bool), broken: make(map[string]bool), record: newRecord(),
	}
	r.restart()
	return r
}

// restart builds the volatile state from the durable one.
func (r *region) restart() {
	r.index = conflict.NewMemory()
	for k, reg := range r.saved.index {
		_ = r.index.Put(k, reg)
		r.unnamed = r.unnamed || isUnnamed(k)
	}
	r.record.crash()
	r.starts++
	r.engine = conflict.New(r.id, r.awaited(), r.index, r.saved.snapshot, r.starts<<32, r.record.note)
	r.merged, r.recovered = r.saved.merged, len(r.entries)
	r.flights = nil
	r.streams, r.clearing = make(map[*conflict.Plan]bool), make(map[*conflict.Plan]bool)
	if r.merged < len(r.entries) {
		r.engine.Again(r.entries[len(r.entries)-1].LSN)
	}
	r.engine.Govern(r.rule)
	r.engine.Bereave(r.schema.Bereave)
	r.engine.Follow(r.schema.Follow, r.schema.Heir, func(parent string) bool { return r.schema.Heir(parent) == parent })
	r.engine.Withhold(r.withholds)
	r.engine.Broken(func(parent string) { r.broken[parent] = true })
	r.engine.Torn(r.schema.Rival, func(parent string) { r.torn[parent] = true })
	for _, o := range r.others {
		r.engine.Resume(o, r.db.ledger[o])
	}
}

// capture takes the next transaction of the database's log into the relay log.
func (r *region) capture() bool {
	if int(r.state.LSN) == len(r.db.log) {
		return false
	}
	l := r.db.log[r.state.LSN]
	c := relay.Captured{Kind: relay.Local, Physical: l.at}
	if l.mark != nil {
		c.Kind, c.Mark = relay.Applied, l.mark
	}
	if l.ran {
		c.Kind = relay.History
	}
	e, next := r.state.Next(r.id, c)
	r.state = next
	r.entries = append(r.entries, entry{Entry: e, changes: l.changes, force: l.force, emptied: l.emptied})
	return true
}

// merge passes the next entry of the relay log to the engine.
func (r *region) merge() bool {
	if r.merged == len(r.entries) {
		return false
	}
	e := &r.entries[r.merged]
	clock := relay.HLC(0)
	if r.merged > 0 {
		clock = r.entries[r.merged-1].HLC
	}
	r.engine.At(e.LSN, clock)
	r.merged++
	defer func() { r.engine.Reached(e.HLC) }()
	switch e.Kind {
	case relay.Local:
		must(r.engine.Local(e.transaction(r.id)))
		return true
	case relay.History:
		return true
	}
	var carried []conflict.Transaction
	if m := e.Mark; !m.Repair() {
		for _, t := range r.received[m.Origin][m.Range.From-1 : m.Range.To] {
			carried = append(carried, r.named(t))
		}
	}
	if p := r.engine.Intended(*e.Mark); p != nil && e.shows(p) {
		must(r.engine.OwnIntended(p))
		return true
	}
	must(r.engine.Own(*e.Mark, carried, e.changes))
	return true
}

// shows tells whether the database did just what a plan says.
func (e *entry) shows(p *conflict.Plan) bool {
	return slices.EqualFunc(e.changes, p.Writes, func(c conflict.Change, w conflict.Write) bool { return w.Logged(&c) })
}

func (e *entry) transaction(origin relay.Region) *conflict.Transaction {
	t := &conflict.Transaction{Origin: origin, Seq: e.Seq, HLC: e.HLC, Deps: e.Deps, Force: e.force, Changes: e.changes}
	if e.emptied != "" {
		t.Emptied = []conflict.Key{conflict.Key(e.emptied + "/"), conflict.Key(unnamed + e.emptied + "/")}
	}
	return t
}

// checkpoint saves the engine. A torn one leaves newer registers behind an older place in the log.
func (r *region) checkpoint(torn bool) {
	r.record.save()
	next := maps.Clone(r.saved.index)
	if next == nil || !torn {
		next = make(map[conflict.Key]conflict.Register)
	}
	for k, reg := range r.index.All {
		next[k] = reg
	}
	r.saved.index = next
	r.saved.snapshot = r.saved.snapshot.Ahead(r.engine.Snapshot())
	if !torn {
		r.saved.snapshot, r.saved.merged = r.engine.Snapshot(), r.merged
		r.engine.Saved(r.saved.snapshot)
	}
}

// busy tells whether an open transaction writes one of the keys.
func (r *region) busy(p *conflict.Plan) bool {
	for _, f := range r.flights {
		for _, w := range f.Writes {
			if slices.ContainsFunc(p.Writes, func(x conflict.Write) bool { return meet(&x, &w) }) {
				return true
			}
		}
	}
	return false
}

// meet tells whether two writes are of one row, or of rows that share a unique value.
func meet(x, w *conflict.Write) bool {
	if x.Key == w.Key {
		return true
	}
	for _, mine := range [][]string{x.Before.Unique, x.After.Unique} {
		for _, u := range mine {
			if slices.Contains(w.Before.Unique, u) || slices.Contains(w.After.Unique, u) {
				return true
			}
		}
	}
	return false
}

// depart opens a transaction for the plan, unless it has to wait for another one.
func (r *region) depart(p *conflict.Plan) bool {
	if p == nil {
		return false
	}
	if r.busy(p) {
		r.engine.Drop(p)
		return false
	}
	r.flights = append(r.flights, p)
	return true
}

// stream opens a transaction for one that is too large to be planned at once: nothing of it is pending.
func (r *region) stream(t *conflict.Transaction) bool {
	plan, err := r.engine.Stream(t)
	must(err)
	if plan == nil {
		return false
	}
	for i := range t.Changes {
		part := r.named(*t)
		parts := []conflict.Transaction{part}
		r.find(parts)
		part = parts[0]
		part.Changes = part.Changes[i : i+1]
		writes, err := r.engine.Decide(&part)
		must(err)
		plan.Writes = append(plan.Writes, writes...)
	}
	r.flights = append(r.flights, plan)
	r.streams[plan] = true
	return true
}

// earliest tells whether the i-th flight is the first of its origin: only that may commit.
func (r *region) earliest(i int) bool {
	for _, f := range r.flights[:i] {
		if f.Mark.Origin == r.flights[i].Mark.Origin {
			return false
		}
	}
	return true
}

// arrive commits the i-th flight. If a unique key forbids it, the relay waits until it knows all that has been committed, decides
// again, and takes what is in the way then out of it.
func (r *region) arrive(i int, at time.Time) {
	p := r.flights[i]
	if !r.leaveOut(p) {
		r.engine.Drop(p)
		r.flights = slices.Delete(r.flights, i, i+1)
		return
	}
	if mark := p.Mark; !r.db.commit(&mark, r.cleared(p), at) {
		r.fence()
		if r.streams[p] {
			r.abort(i)
			return
		}
		must(r.engine.Reconsider(p))
		r.clearing[p] = true
		return
	}
	r.flights = slices.Delete(r.flights, i, i+1)
}

// fence passes everything that is committed to the engine.
func (r *region) fence() {
	for r.capture() || r.merge() {
	}
}

func (r *region) cleared(p *conflict.Plan) []conflict.Write {
	if !r.clearing[p] {
		return p.Writes
	}
	return r.db.without(p.Writes)
}

// abort rolls the i-th flight back, and those of its origin that wait behind it.
func (r *region) abort(i int) {
	origin := r.flights[i].Mark.Origin
	for j := len(r.flights) - 1; j >= i; j-- {
		if f := r.flights[j]; f.Mark.Origin == origin {
			r.flights = slices.Delete(r.flights, j, j+1)
			r.engine.Drop(f)
		}
	}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
