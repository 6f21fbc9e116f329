package conflict

import (
	"slices"

	"github.com/octant-db/octant/relay"
)

// Conflict is a pair of concurrent writes to one row: neither author had seen the other's. Or it is a pair of rows that share a unique
// value: then Key and There are of the one that is hidden. Or it is an update, There, of a row that was not in the table: then there is no Here.
type Conflict struct {
	Key      Key
	Kind     string
	Policy   Policy
	Here     Register // what M had
	There    Register // what came
	Taken    bool     // what came is shown now; a write that comes later, or an older one, can change that
	Incoming relay.Seq
	// Verdict says that There does not count, under Reject or Rollback, and Here stands instead; or with Taken, that it counts after all:
	// such a conflict was told before, under whatever policy.
	Verdict bool
}

// Loser is the write that does not count. It may be the other one of what is told of a pair again: see Verdict.
func (c *Conflict) Loser() relay.Version {
	if c.Taken && !c.Verdict {
		return c.Here.Version
	}
	return c.There.Version
}

// Name is what a conflict goes by: a write of a row that has lost to another one. It meets others when the log is folded again over newer registers, and when
// of several that had not seen it one comes after the other; it has lost once.
func (c *Conflict) Name() string {
	name := string(c.Key) + " " + c.Loser().String()
	switch c.Kind {
	case UniqueConflict:
		name += " unique"
	case UpdateMissing:
		name += c.There.Version.String() + " missing"
	}
	return name
}

// UniqueConflict is the kind of conflict of two rows that share a unique value.
const UniqueConflict = "multiple_unique_conflicts"

// UpdateMissing is the kind of an update of a row that was not in the table, and that nobody is known to have deleted: it was lost in the database, or taken away without being in its
// log. Nothing has lost: the update is written as the whole row.
const UpdateMissing = "update_missing"

// noteMissing reports a row that the log says our own transaction has inserted for an update. While there is something that the update's author had seen and this region has not, the row
// may be on its way, and nothing is missing.
func (e *Engine) noteMissing(c *Change, update *Transaction) {
	for r, hlc := range update.Deps {
		if r := relay.Region(r); r != e.self && r != update.Origin && hlc > e.seen[r].HLC {
			return
		}
	}
	e.counters.Conflicts++
	e.notice(Conflict{
		Key: c.Key, Kind: UpdateMissing, Policy: e.rule(c.Key).Policy,
		There: Register{Version: update.Version(), Row: c.After}, Taken: true, Incoming: update.Seq,
	})
}

// noteMerged reports a change of a row that keeps its writes: before and after are its register.
func (e *Engine) noteMerged(t *Transaction, c *Change, before, after Register) {
	switch policy := e.rule(c.Key).Policy; {
	case policy.judges(): // its verdict is reported, when it is known: see noteVerdicts
	case policy.open() && after.History != nil:
		e.noteOpen(t, c, before, after)
	default:
		e.noteConflict(t, c, before.unseen(t), after.Shown == t.Version())
	}
}

// noteOpen reports under Priority and Timestamp what has lost against the write that is shown: the one that was, or the one that came. One that had lost is shown again
// when somebody who had not seen it writes on top of what it had lost to.
func (e *Engine) noteOpen(t *Transaction, c *Change, before, after Register) {
	shown, was := after.Shown, before.Shown
	switch {
	case shown == was:
		e.noteConflict(t, c, after.apart(shown, t), false)
	case shown == t.Version():
		e.noteConflict(t, c, after.apart(was, t), true)
	default:
		e.noteConflict(t, c, after.apart(shown, t), false)
		e.notice(Conflict{Key: c.Key, Policy: e.rule(c.Key).Policy, There: Register{Version: shown}, Taken: true, Verdict: true})
	}
}

// apart is one write of a row that keeps its writes, if neither its author nor that of a transaction had seen the other's.
func (r Register) apart(v relay.Version, t *Transaction) Register {
	i, found := r.History.place(v)
	if !found || t.HLC <= r.History.Floor {
		return Register{}
	}
	ev := r.History.Events[i]
	if ev.saw(t.Version()) {
		return Register{}
	}
	return Register{Version: ev.Version, Row: ev.After}
}

// noteConflict reports a change that meets a write of another region that its author had not seen.
func (e *Engine) noteConflict(t *Transaction, c *Change, here Register, taken bool) {
	if here.Version.IsZero() || here.Version.Region == t.Origin || t.Deps.Saw(here.Version) || here.Deps.Saw(t.Version()) {
		return
	}
	e.counters.Conflicts++
	e.notice(Conflict{
		Key: c.Key, Kind: kindOf(c, here), Policy: e.rule(c.Key).Policy, Here: here,
		There: Register{Version: t.Version(), Row: c.After}, Taken: taken, Incoming: t.Seq,
	})
}

// noteVerdicts reports which writes of a row ceased to count, under Reject and Rollback, and which count again. What is decided at the stable
// cut stays so.
func (e *Engine) noteVerdicts(k Key, before, after Register) {
	if after.History == nil || !e.rule(k).Policy.judges() {
		return
	}
	for i, ev := range after.History.Events {
		was := before.History.rejects(ev.Version)
		if ev.Rejected == was {
			continue
		}
		if ev.Rejected {
			e.counters.Conflicts++
		}
		stands := after.History.standing(i)
		e.notice(Conflict{
			Key: k, Kind: kindOf(&Change{Before: ev.Before, After: ev.After}, Register{Row: stands.Row}), Policy: e.rule(k).Policy,
			Here: Register{Version: stands.Version, Row: stands.Row}, There: Register{Version: ev.Version, Row: ev.After},
			Taken: !ev.Rejected, Verdict: true,
		})
	}
}

// rejects tells whether a history has a write that does not count. It may be nil.
func (h *History) rejects(v relay.Version) bool {
	if h == nil {
		return false
	}
	i, found := h.place(v)
	return found && h.Events[i].Rejected
}

// noteHidden reports a row that has to give way to another one.
func (e *Engine) noteHidden(k Key, hidden, by Register) {
	e.counters.Conflicts++
	e.notice(Conflict{
		Key: k, Kind: UniqueConflict, Policy: e.rule(k).Policy,
		Here: Register{Version: by.Shown, Row: by.Row}, There: Register{Version: hidden.Shown, Row: hidden.Row},
	})
}

// unseen is the last write of a row of which a transaction's author had not seen it, nor its author the transaction, if the row keeps its
// writes; else its last one. A transaction that comes late, or once more after a crash, meets writes that were made on top of it.
func (r Register) unseen(t *Transaction) Register {
	if r.History == nil {
		return r
	}
	if t.HLC <= r.History.Floor {
		return Register{}
	}
	for _, ev := range slices.Backward(r.History.Events) {
		if ev.Version.Region != t.Origin && !t.Deps.Saw(ev.Version) && !ev.saw(t.Version()) {
			return Register{Version: ev.Version, Row: ev.After}
		}
	}
	return Register{Version: r.History.Base.Version, Row: r.History.Base.Row}
}

// kindOf names a conflict as PostgreSQL 18 does (logical replication, "Conflicts").
func kindOf(c *Change, here Register) string {
	switch {
	case !c.Before.Exists():
		if here.Row.Exists() {
			return "insert_exists"
		}
		return "update_deleted"
	case !c.After.Exists():
		if here.Row.Exists() {
			return "delete_origin_differs"
		}
		return "delete_missing"
	case here.Row.Exists():
		return "update_origin_differs"
	}
	return "update_deleted"
}
