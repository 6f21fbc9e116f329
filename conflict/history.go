package conflict

import (
	"slices"

	"github.com/octant-db/octant/relay"
)

// History is what M keeps of a row under any policy but the last writer wins: what the writes up to the stable cut came to,
// and every write above it. What the row shows is the fold of the base and the events, oldest first. Versions respect causality, so a fold in
// their order meets every write after all that its author had seen; and since a fold depends on the set of writes alone, not on the order
// in which they came, all regions come to the same.
//
// A History that is in a Register is never changed, only replaced.
type History struct {
	Born   relay.LSN // the entry of the local stream at which it was begun
	Floor  relay.HLC // writes up to here are in Base; one that comes again is not merged again
	Base   State
	Events []*Event // above Floor, ascending by version

	room   *room // behind Events; nil: none that is known
	known  State // the fold of the first events, as far as it has been worked out
	counts int   // how many events are in it; 0: none, whatever known is
	marks  marks // of that fold
	size   int64 // of the first events, as far as it has been worked out
	sized  int   // how many these are
}

// State is what a fold has come to.
type State struct {
	// Known is false while the row shows what it showed when it was last forgotten, and that has not been needed yet.
	Known   bool
	Version relay.Version // of the write that Row shows; none: one that every region has seen
	Row     Row
	Created relay.Version // Merge and Counter: of the insert that made the row
	Open    []Written     // Priority and Timestamp: the writes that no other one has seen
}

// Written is one write that Priority may have to go back to.
type Written struct {
	Version relay.Version
	Row     Row
}

// Event is one write of a row.
type Event struct {
	Version       relay.Version
	Deps          relay.Vector // what its author had seen
	Before, After Row          // as its author found and left it
	Force         bool         // an operator's decision: it is not rejected
	Rejected      bool         // Reject and Rollback: it does not count
}

// saw tells whether the write's author had seen another one.
func (e *Event) saw(v relay.Version) bool { return authorSaw(e.Version, e.Deps, v) }

// authorSaw tells whether the author of a write had seen another one: deps is what he had seen of other regions.
func authorSaw(write relay.Version, deps relay.Vector, v relay.Version) bool {
	if v.IsZero() || v.Region == write.Region {
		return v.HLC <= write.HLC
	}
	return deps.Saw(v)
}

// place is where a version is among the events, and whether it is there.
func (h *History) place(v relay.Version) (int, bool) {
	return slices.BinarySearchFunc(h.Events, v, func(e *Event, v relay.Version) int { return e.Version.Compare(v) })
}

// Run returns where events that follow each other begin among those of the history, and whether the very same ones do so there.
func (h *History) Run(events []*Event) (at int, whole bool) {
	at, _ = h.place(events[0].Version)
	end := at + len(events)
	return at, end <= len(h.Events) && slices.Equal(h.Events[at:end], events)
}

// with returns the history with a write in it. A second change that the same transaction makes to the row joins the first.
func (h History) with(ev Event) History {
	i, found := h.place(ev.Version)
	if found {
		ev.Before, ev.Rejected = h.Events[i].Before, h.Events[i].Rejected
		return h.replaced(i, ev)
	}
	if i == len(h.Events) {
		return h.appended(&ev)
	}
	h.unfold(i)
	events := make([]*Event, 0, len(h.Events)+1+len(h.Events)/8)
	events = append(append(events, h.Events[:i]...), &ev)
	size, sized := h.size, h.sized
	h.setEvents(append(events, h.Events[i:]...))
	if i < sized {
		h.size, h.sized = size+ev.size(), sized+1
	}
	h.room = &room{taken: len(h.Events)}
	return h
}

// setEvents takes other events than there were.
func (h *History) setEvents(events []*Event) {
	h.Events, h.room, h.size, h.sized = events, nil, 0, 0
}

// Size is about what the history takes in memory, in bytes.
func (h *History) Size() int64 {
	for ; h.sized < len(h.Events); h.sized++ {
		h.size += h.Events[h.sized].size()
	}
	return int64(len(h.Base.Row.Image)) + 160 + h.size
}

func (e *Event) size() int64 {
	return int64(len(e.Before.Image)+len(e.After.Image)+8*len(e.Deps)) + 240
}

// room tells how much of an array is taken by the longest of the histories that share it: one that ends there may grow in place, and no other one sees that.
type room struct{ taken int }

// appended returns the history with a write behind all others. That a row is written again and again must not copy all of its writes each time.
func (h History) appended(ev *Event) History {
	n := len(h.Events)
	if h.room == nil || h.room.taken != n || n == cap(h.Events) {
		h.Events, h.room = append(make([]*Event, 0, 2*n+4), h.Events...), &room{taken: n}
	}
	h.Events = append(h.Events, ev)
	h.room.taken++
	return h
}

// replaced returns the history with its i-th event changed.
func (h History) replaced(i int, ev Event) History {
	h.unfold(i)
	h.setEvents(slices.Clone(h.Events))
	h.Events[i] = &ev
	return h
}

// unfold forgets what was worked out with the i-th event in it.
func (h *History) unfold(i int) {
	if i >= h.counts {
		return
	}
	h.counts, h.marks = 0, h.marks.before(i)
	if n := len(h.marks); n > 0 {
		h.known, h.counts = h.marks[n-1].state, h.marks[n-1].counts
	}
}

// settled returns the history with everything up to the limit folded into its base. As long as it is not known what stood there before, because
// nothing of the history has been written yet, there is nothing to fold into.
func (h History) settled(r *Rule, limit relay.HLC) (History, error) {
	n := 0
	if !h.Base.Known {
		return h, nil
	}
	for n < len(h.Events) && h.Events[n].Version.HLC <= limit {
		next, err := r.step(h.Base, h.Events[n])
		if err != nil {
			return h, err
		}
		h.Base = next
		n++
	}
	if n > 0 {
		h.counts, h.marks = max(0, h.counts-n), h.marks.moved(n)
		h.setEvents(slices.Clone(h.Events[n:]))
		h.Floor = max(h.Floor, limit)
	}
	return h, nil
}

// fold works out what the history shows, from where it was worked out before.
func (h *History) fold(r *Rule) (State, error) {
	s := h.Base
	if h.counts > 0 {
		s = h.known
	}
	for i := h.counts; i < len(h.Events); i++ {
		next, err := r.step(s, h.Events[i])
		if err != nil {
			return s, err
		}
		if s = next; h.marks.due(i + 1) {
			h.marks = h.marks.with(mark{s, i + 1})
		}
	}
	h.known, h.counts = s, len(h.Events)
	return s, nil
}

// standing is what stood when the i-th event was written: what the last one before it that counts has left.
func (h *History) standing(i int) State {
	for i--; i >= 0; i-- {
		if ev := h.Events[i]; !ev.Rejected {
			return State{Known: true, Version: ev.Version, Row: ev.After}
		}
	}
	return h.Base
}

// accepts tells whether the i-th event counts under Reject: its author must have seen what stood, and changed just that. Else it was based on a
// write that does not count.
func (h *History) accepts(r *Rule, i int) bool {
	ev, stood := h.Events[i], h.standing(i)
	if ev.Force {
		return true
	}
	return ev.saw(stood.Version) && (!stood.Known || r.same(ev.Before, stood.Row))
}

// judged decides which events count under Reject.
func (h History) judged(r *Rule) History {
	for i, ev := range h.Events {
		if rejected := !h.accepts(r, i); rejected != ev.Rejected {
			changed := *ev
			changed.Rejected = rejected
			h = h.replaced(i, changed)
		}
	}
	return h
}
