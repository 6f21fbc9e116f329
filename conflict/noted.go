package conflict

import (
	"slices"

	"github.com/octant-db/octant/relay"
)

// Conflict is a pair of concurrent writes to one row: neither author had seen the other's.
type Conflict struct {
	Key      Key
	Kind     string
	Here     Register // what M had
	There    Register // what came
	Incoming relay.Seq
}

// RemoteWins tells whether what came is the later write.
func (c *Conflict) RemoteWins() bool { return c.There.Version.After(c.Here.Version) }

// noteConflict reports a change that meets a write of another region that its author had not seen.
func (e *Engine) noteConflict(t *Transaction, c *Change, here Register) {
	here = here.unseen(t)
	if here.Version.IsZero() || here.Version.Region == t.Origin || t.Deps.Saw(here.Version) {
		return
	}
	e.counters.Conflicts++
	e.notice(Conflict{
		Key: c.Key, Kind: kindOf(c, here), Here: here,
		There: Register{Version: t.Version(), Row: c.After}, Incoming: t.Seq,
	})
}

// unseen is the last write of a row that a transaction's author had not seen, if the row keeps its writes; else its last one.
func (r Register) unseen(t *Transaction) Register {
	if r.History == nil {
		return r
	}
	for _, ev := range slices.Backward(r.History.Events) {
		if ev.Version.Region != t.Origin && !t.Deps.Saw(ev.Version) {
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
