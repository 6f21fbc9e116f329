package simulation

import (
	"cmp"
	"slices"
	"strings"

	"github.com/octant-db/octant/conflict"
)

// takes says of each kid and each toy which deletions took it where they were made, and what it was there. A kid goes with its parent, a toy with its kid.
type takes map[conflict.Key][]take

type take struct{ by, of *write }

// chains works that out of all writes, for each deletion in its author's view.
func chains(writes map[conflict.Key][]*write) takes {
	var deletions []*write
	rows := make(map[*write]conflict.Key)
	for k, list := range writes {
		if table := tableOf(k); table != "parent" && table != "kid" {
			continue
		}
		for _, w := range list {
			if w.before != nil && w.after == nil {
				deletions, rows[w] = append(deletions, w), k
			}
		}
	}
	slices.SortFunc(deletions, func(a, b *write) int { return cmp.Or(a.compare(b), cmp.Compare(a.place, b.place)) })
	all := make(takes)
	for _, d := range deletions {
		all.cascade(d, rows[d], writes)
	}
	return all
}

// cascade notes what a deletion of a row took below it.
func (all takes) cascade(d *write, k conflict.Key, writes map[conflict.Key][]*write) {
	below := "kid"
	if tableOf(k) == "kid" {
		below = "toy"
	}
	_, number, _ := strings.Cut(string(k), "/")
	for child, list := range writes {
		if tableOf(child) != below {
			continue
		}
		of := d.view(list)
		if of == nil || of.after == nil || of.after.p != number || all.had(child, d, of) {
			continue
		}
		all[child] = append(all[child], take{d, of})
		if below == "kid" {
			all.cascade(d, child, writes)
		}
	}
}

// had tells whether a row had gone already, for the author of a deletion.
func (all takes) had(k conflict.Key, d, of *write) bool {
	return slices.ContainsFunc(all[k], func(t take) bool { return t.of == of && (d == t.by || d.knew(t.by)) })
}

// view is the newest of some writes that the author of a deletion had seen, in the same transaction too.
func (w *write) view(list []*write) (last *write) {
	for _, x := range list {
		if (x == w || w.knew(x)) && (last == nil || cmp.Or(x.compare(last), cmp.Compare(x.place, last.place)) > 0) {
			last = x
		}
	}
	return last
}

// taken tells whether a row is gone: a deletion took it whose author had seen its last write.
func (all takes) taken(k conflict.Key, last *write) bool {
	return slices.ContainsFunc(all[k], func(t take) bool { return t.of == last })
}

// known are the rows of a region as all have them, but for toys of which its relay has said that they may differ: they have been below a parent that another
// region deleted as well. A newcomer has what its donor had.
func (c *Cluster) known(r *region, all, here map[conflict.Key]string) map[conflict.Key]string {
	below := c.toysBelow(r)
	for k := range below {
		image, stands := all[k]
		if had, has := here[k]; has != stands || had != image {
			delete(here, k)
			if stands {
				here[k] = image
			}
		}
	}
	return here
}

// toysBelow are the toys that have ever been below a parent of which a relay has said so.
func (c *Cluster) toysBelow(r *region) map[conflict.Key]bool {
	told := make(map[string]bool)
	for _, of := range c.regions {
		for parent := range of.broken {
			if _, number, _ := strings.Cut(parent, "="); (of == r || r.began != nil) && bondOf(parent).table == "kid" {
				told[number] = true
			}
		}
	}
	if len(told) == 0 {
		return nil
	}
	writes, _ := c.writesByRow()
	kids := named(writes, "kid", told)
	toys := make(map[conflict.Key]bool)
	for number := range named(writes, "toy", kids) {
		toys[conflict.Key("toy/"+number)] = true
	}
	return toys
}

// named are the numbers of the rows of a table that have ever named one of these parents.
func named(writes map[conflict.Key][]*write, table string, parents map[string]bool) map[string]bool {
	numbers := make(map[string]bool)
	for k, list := range writes {
		if tableOf(k) != table {
			continue
		}
		for _, w := range list {
			for _, x := range []*cells{w.before, w.after} {
				if x != nil && parents[x.p] {
					_, number, _ := strings.Cut(string(k), "/")
					numbers[number] = true
				}
			}
		}
	}
	return numbers
}
