package simulation

import (
	"fmt"
	"slices"

	"github.com/octant-db/octant/conflict"
)

// work is one of the things that a relay does all the time, by a number from 12 to 95.
func (c *Cluster) work(r *region, n int) {
	switch {
	case n < 30:
		r.capture()
	case n < 46:
		r.merge()
	case n < 60:
		c.deliver(r, c.rng.IntN(3))
	case n < 72:
		c.plan(r)
	case n < 83:
		c.finish(r)
	case n < 86:
		c.repair(r)
	case n < 92:
		c.hear(r)
	case n < 95:
		must(r.engine.Forget())
	default:
		r.checkpoint(false)
	}
}

// write is an application's transaction. One that breaks a unique key takes place without the values that do.
func (c *Cluster) write(r *region) {
	if r.silent {
		return
	}
	if c.opt.Truncates && c.rng.IntN(12) == 0 {
		c.truncate(r)
		return
	}
	var writes []conflict.Write
	for range 1 + c.rng.IntN(3) {
		writes = append(writes, c.change(r)...)
	}
	writes = distinct(writes)
	writes = slices.DeleteFunc(writes, func(w conflict.Write) bool { return r.db.refused(&w) })
	if !r.db.commit(nil, writes, c.now.Add(r.skew)) {
		r.db.commit(nil, c.yield(r, writes), c.now.Add(r.skew))
	}
}

// yield has the rows in the way give up their values, or the transaction its own.
func (c *Cluster) yield(r *region, writes []conflict.Write) []conflict.Write {
	if c.rng.IntN(3) > 0 {
		more := writes
		for _, k := range r.db.clashes(writes) {
			more = append(slices.Clip(more), c.stripped(k, r.db.row(k)))
		}
		if more = distinct(more); len(r.db.clashes(more)) == 0 {
			return more
		}
	}
	for i, w := range writes {
		if w.After.Exists() {
			writes[i] = c.stripped(w.Key, w.After)
		}
	}
	return writes
}

func (c *Cluster) stripped(k conflict.Key, row conflict.Row) conflict.Write {
	var now cells
	if row.Exists() {
		now = cellsOf(string(row.Image))
	}
	now.u, now.w = "", ""
	return conflict.Write{Key: k, After: now.row(tableOf(k))}
}

// change is an insert, update or delete, or a row moved to another key, or two rows that swap their unique values.
func (c *Cluster) change(r *region) []conflict.Write {
	k := c.key()
	c.writes++
	row := r.db.row(k)
	switch n := c.rng.IntN(12); {
	case n < 2 && row.Exists():
		return []conflict.Write{{Key: k}}
	case n < 3 && row.Exists():
		to := c.keyIn(tableOf(k))
		return []conflict.Write{{Key: k}, {Key: to, After: c.update(r, row, tableOf(k)).row(tableOf(k))}}
	case n < 4:
		// Two regions may write the very same row.
		return []conflict.Write{{Key: k, After: cells{a: "same"}.row(tableOf(k))}}
	case n < 5 && c.opt.Values > 0:
		return c.swap(r, k, c.keyIn(tableOf(k)))
	case !row.Exists():
		return []conflict.Write{{Key: k, After: c.fresh(r, tableOf(k)).row(tableOf(k))}}
	}
	return []conflict.Write{{Key: k, After: c.update(r, row, tableOf(k)).row(tableOf(k))}}
}

func (c *Cluster) fresh(r *region, table string) cells {
	id := fmt.Sprintf("%d#%d", r.id, c.writes)
	return cells{a: id, b: id, n: c.rng.IntN(10), u: c.value(), w: c.value(), p: c.parent(r, table)}
}

// update changes some of a row's columns.
func (c *Cluster) update(r *region, row conflict.Row, table string) cells {
	now, id := cellsOf(string(row.Image)), fmt.Sprintf("%d#%d", r.id, c.writes)
	for range 1 + c.rng.IntN(2) {
		switch n := c.rng.IntN(5); {
		case table == "parent" && n < 2:
			now.n = c.rng.IntN(c.numbers())
		case len(c.opt.Families) > 0 && n < 2:
			now.p = c.parent(r, table)
		case n == 0:
			now.a = id
		case n == 1:
			now.b = id
		case n == 2:
			now.u = c.value()
		case n == 3:
			now.w = c.value()
		default:
			now.n += c.rng.IntN(20) - 5
		}
	}
	return now
}

// numbers is how many numbers parents are given: with few of them what was one's becomes another's.
func (c *Cluster) numbers() int {
	if c.opt.Numbers > 0 {
		return c.opt.Numbers
	}
	return 6
}

// value is a value of a unique column; most rows have none.
func (c *Cluster) value() string {
	if c.opt.Values == 0 || c.rng.IntN(2) == 0 {
		return ""
	}
	return fmt.Sprint("v", c.rng.IntN(c.opt.Values))
}

// swap has two rows exchange their unique values.
func (c *Cluster) swap(r *region, j, k conflict.Key) []conflict.Write {
	a, b := r.db.row(j), r.db.row(k)
	if j == k || !a.Exists() || !b.Exists() {
		return nil
	}
	x, y := cellsOf(string(a.Image)), cellsOf(string(b.Image))
	x.u, y.u, x.w, y.w = y.u, x.u, y.w, x.w
	return []conflict.Write{{Key: j, After: x.row(tableOf(j))}, {Key: k, After: y.row(tableOf(k))}}
}

func (c *Cluster) key() conflict.Key { return c.keyIn(c.opt.Tables[c.rng.IntN(len(c.opt.Tables))]) }

func (c *Cluster) keyIn(table string) conflict.Key { return key(table, c.rng.IntN(c.opt.Keys)) }

// distinct keeps the last write of each key.
func distinct(writes []conflict.Write) []conflict.Write {
	last := make(map[conflict.Key]int)
	for i, w := range writes {
		last[w.Key] = i
	}
	var kept []conflict.Write
	for i, w := range writes {
		if last[w.Key] == i {
			kept = append(kept, w)
		}
	}
	return kept
}
