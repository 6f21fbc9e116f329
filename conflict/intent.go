package conflict

import (
	"slices"

	"github.com/octant-db/octant/relay"
)

// Nearly always the log shows that one of our own transactions did just what was planned, row by row. Then its rows need not be identified once more: they are those of the
// plan. They are merged from that, in log order as ever, and each is compared with M: what M has come to since the plan was made counts, not what the plan had taken
// for it.

// Intended returns the plan whose mark the log shows, if its transactions can be merged by OwnIntended; nil if not. Whether the log shows just what the plan
// writes is for the caller to find out.
func (e *Engine) Intended(mark relay.Mark) *Plan {
	p := e.flights[flightOf(mark)]
	if p == nil || !p.Plain() || mark.Repair() || p.Mark.Range != mark.Range || p.Mark.HLC != mark.HLC || mark.Range.From <= e.seen[mark.Origin].Seq {
		return nil
	}
	return p
}

// Plain tells whether each of a plan's writes concerns its own row alone, so that they may be done in any order, and in several steps.
func (p *Plan) Plain() bool { return p.straight > 0 && len(p.Writes) == p.straight }

// Batch returns what a plan was made from.
func (p *Plan) Batch() []Transaction { return p.batch }

// OwnIntended is Own for a transaction of which the log shows just what its plan writes: all of it, and nothing else.
func (e *Engine) OwnIntended(p *Plan) error {
	var landed Landed
	var others []int // writes of rows of which more is known by now
	m := plainMerge{engine: e, plan: p, brief: e.brief(p.Mark.Origin)}
	n := 0
	for i := range p.batch {
		t := &p.batch[i]
		for j := range t.Changes {
			place := p.place(n)
			n++
			plain, err := m.take(t, &t.Changes[j])
			if err == nil && !plain {
				others = append(others, place)
				part := *t
				part.Changes = t.Changes[j : j+1]
				err = e.Carry(&part, &landed)
			}
			if err != nil {
				return err
			}
		}
	}
	slices.Sort(others)
	for _, place := range slices.Compact(others) {
		c := p.Writes[place].logged()
		if err := e.Wrote(&c, &landed); err != nil {
			return err
		}
	}
	return e.Passed(p.Mark, &landed)
}

// place is which of the writes the batch's nth change has a part in.
func (p *Plan) place(n int) int {
	if p.places == nil {
		return n
	}
	return p.places[n]
}

// logged is what the log shows of a write that was done as it was planned.
func (w *Write) logged() Change {
	c := Change{Key: w.Key, After: w.After}
	if w.Expect == relay.Present {
		c.Before = w.Before
	}
	return c
}

// Logged tells whether a change is just what the log shows of a write.
func (w *Write) Logged(c *Change) bool {
	want := w.logged()
	return c.Key == want.Key && c.Before.Same(want.Before) && c.After.Same(want.After)
}

// plainMerge merges the changes of a plan of which the log shows that it was done as planned.
type plainMerge struct {
	engine *Engine
	plan   *Plan
	rule   lastRule
	brief  relay.HLC // writes up to here need no register: see brief
}

// take merges a change that was planned as a plain one, and that the log shows as it was planned: what it left, or what a later one of the plan did. It returns false, and has done
// nothing, if more is known of the row by now than what one write left.
func (m *plainMerge) take(t *Transaction, c *Change) (bool, error) {
	e := m.engine
	if _, pinned := e.pins[c.Key]; pinned || m.rule.of(e, c.Key, c.After.Table).Policy != LWW {
		return false, nil
	}
	if t.HLC <= m.brief {
		if over, err := m.over(c.Key); over || err != nil {
			return over, err
		}
	}
	e.wrote = keptOfWrite(t, &c.After)
	met, taken, err := e.index.Take(c.Key, &e.wrote)
	if err != nil || met != nil && met.whole != nil {
		return false, err
	}
	e.judge(c.Key, taken || met.row().Same(c.After))
	if met != nil && met.version.Region != t.Origin {
		e.noteConflict(t, c, met.register(), taken)
	}
	return true, nil
}

// brief is the clock up to which a write of an origin needs no register once this region shows it: all others do. It would be forgotten at the next opportunity, as
// is most of a backlog that a region takes in after it was away. 0 if this region does not show everything: see Announce. (Nothing is merged from its plan while
// the log is merged again: plans are not kept over restarts.)
func (e *Engine) brief(origin relay.Region) relay.HLC {
	if e.repairs.len()+e.repairs.backs > 0 {
		return 0
	}
	return e.shownBeside(origin)
}

// over tells whether nothing is known of a row, and no other plan is about to write it: then it would be forgotten at once.
func (m *plainMerge) over(k Key) (bool, error) {
	e := m.engine
	known, err := e.index.Kept(k)
	if known != nil || err != nil {
		return false, err
	}
	if w := e.pending[k]; w != nil && w.plan != m.plan {
		return false, nil
	}
	return e.keep == nil || !e.keep(k), nil
}
