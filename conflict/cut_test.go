package conflict_test

import (
	"fmt"
	"testing"

	"github.com/octant-db/octant/conflict"
	"github.com/octant-db/octant/relay"
)

// third is region 1 of three, with what it has merged.
type third struct {
	t     *testing.T
	e     *conflict.Engine
	index *conflict.Memory
	lost  int // conflicts that were found
	seqs  [4]relay.Seq
}

func newThird(t *testing.T) *third {
	r := &third{t: t, index: conflict.NewMemory()}
	r.e = conflict.New(1, []relay.Region{2, 3}, r.index, conflict.Snapshot{}, 0, func(conflict.Conflict) { r.lost++ })
	return r
}

// carries merges a write of another region.
func (r *third) carries(author relay.Region, hlc relay.HLC, k conflict.Key, unique ...string) {
	r.t.Helper()
	r.seqs[author]++
	row := conflict.Row{Table: &relay.Table{Schema: "app", Name: "t"}, Image: relay.Image(k), Unique: unique}
	t := conflict.Transaction{Origin: author, Seq: r.seqs[author], HLC: hlc, Deps: relay.Vector{}, Changes: []conflict.Change{{Key: k, After: row}}}
	mark := relay.Mark{Origin: author, Range: relay.Range{From: t.Seq, To: t.Seq}, HLC: hlc}
	if err := r.e.Own(mark, []conflict.Transaction{t}, t.Changes); err != nil {
		r.t.Fatal(err)
	}
}

func (r *third) shows(region relay.Region, after relay.Seq, announced relay.Vector) {
	r.e.Heard(region, relay.Heartbeat{Last: after, Announced: announced})
}

// remembers compares what is left when all has been forgotten that may be.
func (r *third) remembers(when string, keys ...conflict.Key) {
	r.t.Helper()
	if err := r.e.Forget(); err != nil {
		r.t.Fatal(err)
	}
	for _, k := range keys {
		if kept, _ := r.index.Kept(k); kept == nil {
			r.t.Errorf("%s row %s is forgotten", when, k)
		}
	}
	if r.index.Len() != len(keys) {
		r.t.Errorf("%s %d rows are known, not %d", when, r.index.Len(), len(keys))
	}
}

// A write is forgotten once all regions but its author's show it, whatever the author has heard of the others: nobody can still write the row without having seen it.
func TestABacklogIsForgottenAsItGoesAlong(t *testing.T) {
	r := newThird(t)
	r.carries(2, 10, "a")
	r.carries(2, 20, "b")
	r.carries(3, 15, "c")
	r.remembers("before anybody has said anything", "a", "b", "c")
	r.shows(3, 1, relay.Vector{0, 0, 10, 15})
	r.remembers("when region 3 shows the first of 2", "b", "c")
	r.shows(3, 2, relay.Vector{0, 0, 20, 15})
	r.remembers("while something is to come that region 3 wrote before it had seen the second", "b", "c")
	r.carries(3, 18, "b")
	if r.lost != 1 {
		t.Errorf("%d conflicts were found: regions 2 and 3 have written b", r.lost)
	}
	r.remembers("when that has come", "c")
	r.shows(2, 2, relay.Vector{0, 0, 20, 15})
	r.remembers("when region 2 shows what 3 wrote")
}

// What has to do with other rows, or with more than the last write, is needed for longer: until all regions show what all others wrote.
func TestWhatIsNotAloneWaitsForTheStableCut(t *testing.T) {
	r := newThird(t)
	r.carries(2, 10, "alone")
	r.carries(2, 11, "unique", "value")
	r.shows(3, 0, relay.Vector{0, 0, 11, 0})
	r.remembers("a row with a unique value:", "unique")
	for _, p := range []conflict.Policy{conflict.Priority, conflict.Merge, conflict.Counter, conflict.Reject} {
		r := newThird(t)
		r.carries(2, 10, "before the rule")
		rule := conflict.Rule{Policy: p, Replay: func(_, _, after conflict.Row) (conflict.Row, error) { return after, nil }}
		r.e.Govern(func(conflict.Key) *conflict.Rule { return &rule })
		r.carries(2, 11, "under it")
		r.shows(3, 0, relay.Vector{0, 0, 11, 0})
		r.remembers("policy "+p.String()+":", "before the rule", "under it")
	}
}

// What all others show already is forgotten as soon as it is merged: a region that takes in a backlog as the last one keeps nothing of it.
func TestWhatAllOthersShowIsNotKept(t *testing.T) {
	r := newThird(t)
	r.shows(3, 0, relay.Vector{0, 0, 20, 0})
	r.remembers("at the start")
	r.intends(2, 20, "shown")
	r.knows("what region 3 shows")
	r.intends(2, 21, "ahead")
	r.knows("what region 3 does not show yet", "ahead")

	r.shows(3, 0, relay.Vector{0, 0, 40, 0})
	r.intends(3, 22, "known")
	r.intends(2, 23, "known")
	r.knows("a row that region 3 has written, too", "ahead", "known")
	p := r.plans(2, 24, "both")
	other := r.plans(3, 25, "both")
	r.merges(p)
	r.knows("a row that is about to be written again", "ahead", "known", "both")
	r.merges(other)
	r.remembers("when everything has landed", "known", "both")
}

// A row that is to be repaired keeps all others: this region does not show everything.
func TestWhatIsMergedBesideARepairIsKept(t *testing.T) {
	r := newThird(t)
	r.remembers("at the start")
	r.shows(3, 0, relay.Vector{0, 0, 40, 0})
	older := r.plans(3, 5, "wrong")
	r.intends(2, 41, "wrong")
	r.merges(older)
	if _, _, repairs := r.e.Size(); repairs != 1 {
		t.Fatalf("%d rows are to be repaired, not the one that an older write stands in", repairs)
	}
	r.intends(2, 20, "beside")
	r.knows("a row beside one that is to be repaired", "wrong", "beside")
}

// plans has a write of another region planned, merges has the log show it, and intends does both.
func (r *third) plans(author relay.Region, hlc relay.HLC, k conflict.Key) *conflict.Plan {
	r.t.Helper()
	r.seqs[author]++
	row := conflict.Row{Table: &relay.Table{Schema: "app", Name: "t"}, Image: fmt.Appendf(nil, "%s of %d", k, author)}
	p, err := r.e.Plan([]conflict.Transaction{{Origin: author, Seq: r.seqs[author], HLC: hlc, Deps: relay.Vector{}, Changes: []conflict.Change{{Key: k, After: row}}}})
	if err != nil {
		r.t.Fatal(err)
	}
	return p
}

func (r *third) merges(p *conflict.Plan) {
	r.t.Helper()
	if r.e.Intended(p.Mark) != p {
		r.t.Fatal("the plan is not to be merged from itself")
	}
	if err := r.e.OwnIntended(p); err != nil {
		r.t.Fatal(err)
	}
}

func (r *third) intends(author relay.Region, hlc relay.HLC, k conflict.Key) {
	r.t.Helper()
	r.merges(r.plans(author, hlc, k))
}

// knows compares what is kept, before anything is forgotten.
func (r *third) knows(what string, keys ...conflict.Key) {
	r.t.Helper()
	for _, k := range keys {
		if kept, _ := r.index.Kept(k); kept == nil {
			r.t.Errorf("%s: %s is not kept", what, k)
		}
	}
	if r.index.Len() != len(keys) {
		r.t.Errorf("%s: %d rows are known, not %d", what, r.index.Len(), len(keys))
	}
}
