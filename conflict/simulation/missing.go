package simulation

import (
	"maps"
	"slices"
	"strings"

	"github.com/octant-db/octant/conflict"
)

// nameless is the table that regions lack for a while: their relays do not know which rows of it others write. Applications write it all along.
const nameless = "lww"

// unnamed is what provisional keys begin with.
const unnamed = "?"

func isUnnamed(k conflict.Key) bool { return strings.HasPrefix(string(k), unnamed) }

// plain is a row's own key.
func plain(k conflict.Key) conflict.Key {
	return conflict.Key(strings.TrimPrefix(string(k), unnamed))
}

// named is a transaction of another region as the region's relay understands it.
func (r *region) named(t conflict.Transaction) conflict.Transaction {
	if !r.missing {
		return t
	}
	t.Changes = slices.Clone(t.Changes)
	for i := range t.Changes {
		c := &t.Changes[i]
		if tableOf(c.Key) == nameless {
			*c = conflict.Change{Key: unnamed + c.Key, Before: bare(c.Before), After: bare(c.After)}
			r.unnamed = true
		}
	}
	return t
}

// bare is a row of which nothing is known but its image.
func bare(row conflict.Row) conflict.Row { return conflict.Row{Image: row.Image, Gone: row.Gone} }

// withholds tells whether a register may be of a row that has a provisional key as well.
func (r *region) withholds(k conflict.Key) bool {
	return r.unnamed && !isUnnamed(k) && tableOf(k) == nameless
}

// name gives rows their own keys, if their table is there. The relay may die at any moment of it. It tells whether there was anything to do.
func (c *Cluster) name(r *region) bool {
	if r.missing || !r.unnamed {
		return false
	}
	keys, err := r.index.Under(unnamed)
	must(err)
	if len(keys) == 0 && len(r.entries) == r.merged {
		r.unnamed = false
	}
	slices.Sort(keys)
	c.naming.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
	gone := make(map[conflict.Key]conflict.Register)
	for _, k := range keys[:min(len(keys), 1+c.naming.IntN(4))] {
		reg, _, err := r.index.Get(k)
		must(err)
		gone[k] = reg
		must(r.engine.Rename(k, r.renamed(k, reg.Row)))
	}
	if len(gone) == 0 {
		return false
	}
	c.keepNames(r, gone)
	return true
}

// keepNames saves what was named before anything else is merged. What the keys were before is removed last.
func (c *Cluster) keepNames(r *region, gone map[conflict.Key]conflict.Register) {
	switch c.naming.IntN(6) {
	case 0:
		r.checkpoint(true)
		r.restart()
	case 1:
		r.checkpoint(false)
		for _, k := range slices.Sorted(maps.Keys(gone)) {
			if c.naming.IntN(2) == 0 {
				r.saved.index[k] = gone[k]
			}
		}
		r.restart()
	default:
		r.checkpoint(false)
	}
}

// renamed is what a provisional key has of a row, under the row's own key.
func (r *region) renamed(from conflict.Key, row conflict.Row) *conflict.Change {
	k := plain(from)
	if !row.Exists() {
		return &conflict.Change{Key: k, After: row}
	}
	return &conflict.Change{Key: k, After: r.schema.Row(k, string(row.Image))}
}

// lacks has a region's database begin or cease to lack the table now and then, and its relay name rows.
func (c *Cluster) lacks(r *region) {
	switch c.naming.IntN(40) {
	case 0:
		r.missing = !r.missing
	case 1, 2, 3:
		c.name(r)
	}
}

// found has every database have the table.
func (c *Cluster) found() {
	for _, r := range c.regions {
		r.missing = false
	}
}
