package simulation

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/octant-db/octant/conflict"
)

// families are the tables with foreign keys, and what these do to rows whose parent is deleted.
var families = []string{"parent", "kid", "ward"}

// parents names a row's parent as the engine takes it. A ward refers to one by its key, and by its number.
func (c cells) parents(table string) []string {
	switch {
	case c.p == "":
		return nil
	case table == "kid":
		return []string{"kid.p=" + c.p}
	case table == "ward":
		return []string{"ward.p=" + c.p, "ward.n=" + c.p}
	}
	return nil
}

// Left implements Schema: wards refer to nothing when a row is given another number.
func (mixture) Left(c *conflict.Change) []string {
	if tableOf(c.Key) != "parent" || !c.Before.Exists() || !c.After.Exists() {
		return nil
	}
	was, is := cellsOf(string(c.Before.Image)), cellsOf(string(c.After.Image))
	if was.n == is.n {
		return nil
	}
	return []string{"ward.n=" + strconv.Itoa(was.n)}
}

// childrenOf is how the children of a row name it.
func childrenOf(k conflict.Key) []string {
	table, number, _ := strings.Cut(string(k), "/")
	if table != "parent" {
		return nil
	}
	return []string{"kid.p=" + number, "ward.p=" + number}
}

// Bereave implements Schema.
func (mixture) Bereave(k conflict.Key, row conflict.Row, parent string) (conflict.Row, error) {
	table, number, _ := strings.Cut(strings.Replace(parent, ".n=", ".p=", 1), ".p=")
	now := cellsOf(string(row.Image))
	switch {
	case table != tableOf(k) || now.p != number:
		return row, nil
	case table == "kid":
		return row.Deleted(), nil
	}
	now.p = ""
	return now.row(table), nil
}

// parent is one of the parents that stand in a region, or none.
func (c *Cluster) parent(r *region) string {
	if !c.opt.Families {
		return ""
	}
	n := c.rng.IntN(c.opt.Keys)
	if _, stands := r.db.rows[key("parent", n)]; !stands {
		return ""
	}
	return strconv.Itoa(n)
}

// cascade does what foreign keys do when a row is deleted; the log does not show it.
func (d *database) cascade(c *conflict.Change) {
	for _, parent := range c.Ends() {
		for _, k := range d.below(parent) {
			was := d.row(k)
			now, err := d.schema.Bereave(k, was, parent)
			must(err)
			if silent, changed := d.set(k, now); changed {
				d.cascade(&silent)
			}
		}
	}
}

// below are the rows that name a parent.
func (d *database) below(parent string) []conflict.Key {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(d.rows)), func(k conflict.Key) bool {
		return !slices.Contains(d.row(k).Parents, parent)
	})
}

// plan has the engine decide transactions, with the rows that stand under the parents that they delete.
func (r *region) plan(batch []conflict.Transaction) (*conflict.Plan, error) {
	batch = slices.Clone(batch)
	for i := range batch {
		batch[i] = r.named(batch[i])
		r.find(&batch[i])
	}
	return r.engine.Plan(batch)
}

// find looks up the rows that stand under the parents that a transaction deletes, and those under these.
func (r *region) find(t *conflict.Transaction) {
	t.Found = make(map[string][]conflict.Found)
	for i := range t.Changes {
		r.findBelow(t, t.Changes[i].Ends())
	}
}

func (r *region) findBelow(t *conflict.Transaction, parents []string) {
	for _, parent := range parents {
		if _, met := t.Found[parent]; met {
			continue
		}
		t.Found[parent] = nil
		for _, k := range r.db.below(parent) {
			row := r.db.row(k)
			t.Found[parent] = append(t.Found[parent], conflict.Found{Key: k, Row: row})
			r.findBelow(t, row.Children)
		}
	}
}

// bereft is what a child comes to whose parent was deleted by somebody who had seen its last write.
func bereft(k conflict.Key, t truth, writes map[conflict.Key][]*write) truth {
	table := tableOf(k)
	if t.cells == nil || table != "kid" && table != "ward" || t.cells.p == "" {
		return t
	}
	number, err := strconv.Atoi(t.cells.p)
	must(err)
	switch gone := deleted(writes[key("parent", number)], t); {
	case table == "kid" && gone:
		return truth{last: t.last}
	case table == "ward" && (gone || renumbered(number, t, writes)):
		alone := *t.cells
		alone.p = ""
		return truth{&alone, t.last}
	}
	return t
}

// deleted tells whether somebody who had seen a child's last write deleted its parent.
func deleted(parent []*write, t truth) bool {
	return slices.ContainsFunc(parent, func(d *write) bool { return d.before != nil && d.after == nil && d.knew(t.last) })
}

// renumbered tells whether somebody who had seen a ward's last write gave a parent of that number another one.
func renumbered(number int, t truth, writes map[conflict.Key][]*write) bool {
	for k, list := range writes {
		if tableOf(k) == "parent" && slices.ContainsFunc(list, func(d *write) bool {
			return d.before != nil && d.after != nil && d.before.n == number && d.after.n != number && d.knew(t.last)
		}) {
			return true
		}
	}
	return false
}

// knew tells whether a write came after another one for its author, in the same transaction too.
func (w *write) knew(x *write) bool {
	if w.region == x.region && w.hlc == x.hlc {
		return x.place < w.place
	}
	return w.saw(x)
}
