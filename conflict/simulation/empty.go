package simulation

import (
	"github.com/octant-db/octant/conflict"
	"github.com/octant-db/octant/relay"
)

// emptied is which table a transaction emptied, "" if none.
func emptied(t *conflict.Transaction) string {
	if len(t.Emptied) == 0 {
		return ""
	}
	return tableOf(t.Emptied[0])
}

// uptoEmptied is how many transactions may be planned together: one that empties a table stays alone.
func uptoEmptied(list []conflict.Transaction) int {
	for i := range list {
		if emptied(&list[i]) != "" {
			return max(1, i)
		}
	}
	return len(list)
}

// prepared runs what is to be run before a transaction is planned, and tells whether it can be. The statement that empties a table is run when
// everything has been merged that its author had seen, and everything before it of its origin is committed. It commits by itself: after a crash it is run again.
func (c *Cluster) prepared(r *region, t *conflict.Transaction) bool {
	table := emptied(t)
	if table == "" {
		return true
	}
	for _, f := range r.flights {
		if f.Mark.Origin == t.Origin {
			return false
		}
	}
	for _, o := range r.others {
		if o != t.Origin && r.engine.Seen(o).HLC < t.Deps.Get(o) {
			return false
		}
	}
	r.db.empty(table, true, c.now.Add(r.skew))
	return true
}

// truncate empties a table as an application does.
func (c *Cluster) truncate(r *region) {
	if !r.silent {
		r.db.empty("lww", false, c.now.Add(r.skew))
	}
}

// erased tells whether a write's row went with its table: somebody emptied that who had seen the write.
func erased(w *write, truncations []relay.Entry, regions []relay.Region) bool {
	for i, t := range truncations {
		by := write{region: regions[i], hlc: t.HLC, deps: t.Deps}
		if by.saw(w) {
			return true
		}
	}
	return false
}
