package simulation

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/octant-db/octant/conflict"
)

// Families are the tables with foreign keys to "parent". What these do to their rows when a parent is deleted, and when it is given another number, which
// stands for its key where that counts:
//
//	kid    goes         (ON DELETE CASCADE)
//	ward   is parted    is parted, by two foreign keys: to the parent's key, and to its number
//	loose  is parted    refuses that
//	heir   refuses it   is parted
//	torn   goes         is parted, by one foreign key
var Families = []string{"kid", "ward", "loose", "heir", "torn"}

// Chain are the tables of three generations: a toy goes with the kid that it belongs to.
var Chain = []string{"kid", "toy"}

// bond is what a foreign key does when a parent is deleted, or is given another number. In names it stands between the child's table and the parent.
type bond struct{ table, how string }

// bonds say what children lose: themselves, or their parent. Followers lose nothing when it gets another number.
var bonds = map[bond]string{
	{"kid", "key"}: "goes", {"toy", "key"}: "goes", {"torn", "end"}: "goes",
	{"ward", "key"}: "parted", {"ward", "number"}: "parted", {"loose", "end"}: "parted", {"heir", "number"}: "parted", {"torn", "number"}: "parted",
	{"mate", "end"}: "goes", {"mate", "number"}: "follows", {"pal", "end"}: "parted", {"pal", "number"}: "follows",
}

func (b bond) to(parent string) string { return b.table + "." + b.how + "=" + parent }

// bondOf reads a name.
func bondOf(name string) bond {
	table, rest, _ := strings.Cut(name, ".")
	how, _, _ := strings.Cut(rest, "=")
	return bond{table, how}
}

// nameIn is how a name calls the parent.
func nameIn(name string) string {
	_, parent, _ := strings.Cut(name, "=")
	return parent
}

// parents names a row's parent as the engine takes it.
func (c cells) parents(table string) (names []string) {
	if c.p == "" {
		return nil
	}
	for _, how := range []string{"end", "key", "number"} {
		if b := (bond{table, how}); bonds[b] != "" {
			names = append(names, b.to(c.p))
		}
	}
	return names
}

// Left implements Schema: rows refer to nothing when a parent is given another number.
func (mixture) Left(c *conflict.Change) []string {
	n, _, changed := renumbered(c)
	if !changed {
		return nil
	}
	return []string{bond{"heir", "number"}.to(n), bond{"torn", "number"}.to(n), bond{"ward", "number"}.to(n)}
}

// childrenOf is how the children of a row name it.
func childrenOf(k conflict.Key, c cells) []string {
	table, key, _ := strings.Cut(string(k), "/")
	switch n := strconv.Itoa(c.n); table {
	case "parent":
		return []string{bond{"kid", "key"}.to(key), bond{"loose", "end"}.to(n), bond{"mate", "end"}.to(n), bond{"pal", "end"}.to(n), bond{"torn", "end"}.to(n), bond{"ward", "key"}.to(key)}
	case "kid":
		return []string{bond{"toy", "key"}.to(key)}
	}
	return nil
}

// refused tells whether a foreign key keeps an application from a write: of a kid that belongs to a parent that is not there, or of a parent that is to be
// deleted or given another number.
func (d *database) refused(w *conflict.Write) bool {
	if tableOf(w.Key) == "kid" && w.After.Exists() {
		p := cellsOf(string(w.After.Image)).p
		return p != "" && !d.row(conflict.Key("parent/"+p)).Exists()
	}
	if tableOf(w.Key) != "parent" || !d.row(w.Key).Exists() {
		return false
	}
	n, table := cellsOf(d.rows[w.Key]).n, "heir"
	if w.After.Exists() {
		if cellsOf(string(w.After.Image)).n == n {
			return false
		}
		table = "loose"
	}
	for k, image := range d.rows {
		if tableOf(k) == table && cellsOf(image).p == strconv.Itoa(n) {
			return true
		}
	}
	return false
}

// Rival implements Schema.
func (mixture) Rival(parent string) string {
	p := nameIn(parent)
	switch b := bondOf(parent); b {
	case bond{"torn", "end"}:
		return bond{"torn", "number"}.to(p)
	case bond{"torn", "number"}:
		return bond{"torn", "end"}.to(p)
	}
	return ""
}

// Bereave implements Schema.
func (mixture) Bereave(k conflict.Key, row conflict.Row, parent string) (conflict.Row, error) {
	b := bondOf(parent)
	if b.table != tableOf(k) {
		return row, nil
	}
	if bonds[b] == "goes" {
		return row.Deleted(), nil
	}
	now := cellsOf(string(row.Image))
	now.p = ""
	return now.row(b.table), nil
}

// parent is one of the parents that stand in a region, as rows of a table refer to it, or none.
func (c *Cluster) parent(r *region, table string) string {
	if len(c.opt.Families) == 0 {
		return ""
	}
	of := "parent"
	if table == "toy" {
		of = "kid"
	}
	n := c.rng.IntN(c.opt.Keys)
	image, stands := r.db.rows[key(of, n)]
	switch {
	case !stands:
		return ""
	case bonds[bond{table, "key"}] == "":
		return strconv.Itoa(cellsOf(image).n)
	}
	return strconv.Itoa(n)
}

// cascade does what foreign keys do when a row is deleted; the log does not show it.
func (d *database) cascade(c *conflict.Change) {
	d.carry(c)
	for _, parent := range c.Ends() {
		if bonds[bondOf(parent)] == "follows" {
			continue
		}
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
	}
	r.find(batch)
	return r.engine.Plan(batch)
}

// find looks up the rows that stand under the parents that transactions delete, and those under these.
func (r *region) find(batch []conflict.Transaction) {
	found := make(map[string][]conflict.Found)
	var ending []string
	for i := range batch {
		batch[i].Found = found
		for j := range batch[i].Changes {
			ending = append(ending, batch[i].Changes[j].Ends()...)
		}
	}
	r.findBelow(found, ending)
	for i := range batch {
		for j := range batch[i].Changes {
			if c := &batch[i].Changes[j]; r.engine.Bereft(c, ending) {
				r.findBelow(found, c.After.Children)
			}
		}
	}
}

func (r *region) findBelow(found map[string][]conflict.Found, parents []string) {
	for _, parent := range parents {
		if _, met := found[parent]; met {
			continue
		}
		found[parent] = nil
		for _, k := range r.db.below(parent) {
			row := r.db.row(k)
			found[parent] = append(found[parent], conflict.Found{Key: k, Row: row})
			r.findBelow(found, row.Children)
		}
		rows, err := r.engine.Below([]string{parent})
		must(err)
		for _, row := range rows {
			r.findBelow(found, row.Children)
		}
	}
}

// bereft is what a child comes to whose parent was deleted, or given another number, by somebody who had seen its last write: what of that its author had not
// seen done to the child already.
func bereft(k conflict.Key, t truth, writes map[conflict.Key][]*write) truth {
	table := tableOf(k)
	if t.cells == nil || t.cells.p == "" {
		return t
	}
	goes, parted := takings(table, t, writes)
	switch {
	case len(goes) > 0:
		return truth{last: t.last}
	case len(parted) > 0:
		alone := *t.cells
		alone.p = ""
		return truth{&alone, t.last}
	}
	return t
}

// takings are the writes that took a child, and those that parted it from its parent.
func takings(table string, t truth, writes map[conflict.Key][]*write) (goes, parted []*write) {
	var did []*write
	for _, d := range endings(table, t, writes) {
		if slices.ContainsFunc(did, d.knew) {
			continue
		}
		did = append(did, d)
		if bonds[bond{table, d.how(table)}] == "goes" {
			goes = append(goes, d)
		} else {
			parted = append(parted, d)
		}
	}
	return goes, parted
}

// how is the kind of bond to a parent that a write ends, beside the one to its key.
func (w *write) how(table string) string {
	switch {
	case w.after != nil:
		return "number"
	case bonds[bond{table, "end"}] != "":
		return "end"
	}
	return "key"
}

// endings are the writes that ended what a row refers to, by somebody who had seen its last write, oldest first.
func endings(table string, t truth, writes map[conflict.Key][]*write) (list []*write) {
	for k, all := range writes {
		for _, d := range all {
			if d.before != nil && d.knew(t.last) && d.ends(k, table, t.cells.p, writes) {
				list = append(list, d)
			}
		}
	}
	slices.SortFunc(list, func(a, b *write) int { return cmp.Or(a.compare(b), cmp.Compare(a.place, b.place)) })
	return list
}

// ends tells whether a write of the row under a key ended what the rows of a table refer to as p.
func (w *write) ends(k conflict.Key, table, p string, writes map[conflict.Key][]*write) bool {
	number := strconv.Itoa(w.before.n)
	switch of := tableOf(k); {
	case of != "parent", table == "kid", table == "toy": // see chains
		return false
	case w.after != nil:
		return bonds[bond{table, "number"}] != "" && number == p && w.after.n != w.before.n
	case bonds[bond{table, "end"}] != "":
		return number == p
	}
	return bonds[bond{table, "key"}] != "" && k == conflict.Key("parent/"+p)
}

// remnant is what a region may have kept of a row that is gone everywhere else: it gave the row's parent another number while another region deleted it.
type remnant struct {
	image  string
	parent string   // as the row named it
	by     []*write // that gave it another number
}

// remnantOf is what may be left of a row, if anything.
func remnantOf(k conflict.Key, t truth, writes map[conflict.Key][]*write) (remnant, bool) {
	if tableOf(k) != "torn" || t.cells == nil || t.cells.p == "" {
		return remnant{}, false
	}
	goes, parted := takings("torn", t, writes)
	alone := *t.cells
	alone.p = ""
	return remnant{alone.image(), bond{"torn", "end"}.to(t.cells.p), parted}, len(goes) > 0 && len(parted) > 0
}

// shared are the rows of a region without what is left there alone, if its relay has said so. A newcomer has what its donor had.
func (c *Cluster) shared(r *region, left map[conflict.Key]remnant) map[conflict.Key]string {
	rows := maps.Clone(r.db.rows)
	for k, m := range left {
		alone := slices.ContainsFunc(m.by, func(w *write) bool {
			of := c.regions[w.region-1]
			return of.torn[m.parent] && (of == r || r.began != nil)
		})
		if alone && rows[k] == m.image {
			delete(rows, k)
		}
	}
	return rows
}

// knew tells whether a write came after another one for its author, in the same transaction too.
func (w *write) knew(x *write) bool {
	if w.region == x.region && w.hlc == x.hlc {
		return x.place < w.place
	}
	return w.saw(x)
}
