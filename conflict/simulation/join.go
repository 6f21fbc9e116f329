package simulation

import (
	"slices"

	"github.com/octant-db/octant/conflict"
	"github.com/octant-db/octant/relay"
)

// joining is a region that is on its way into the cluster. It becomes the copy of another one, its donor, while everybody goes on: its rows
// are read a few at a time, each as it stands then; then it does again what the donor's log says of the time since the first one was read,
// row by row, whatever it finds; and with the rows as they were at the last entry it takes over what the donor's relay knew there.
type joining struct {
	id     relay.Region
	known  int // regions that have been told of it
	donor  *region
	rows   map[conflict.Key]string
	keys   []conflict.Key // all that there can be, in order
	copied int            // of keys
	from   int            // the first entry of the donor's log that is done again
	until  int            // the entry at which the last rows were read
	done   int            // entries of the donor's log that have been done again
	died   bool           // in the midst of that
}

// join goes one step on with the region that joins.
func (c *Cluster) join() {
	switch j := c.joining; {
	case j.known < len(c.regions):
		c.introduce(j)
	case j.donor == nil:
		c.begin(j)
	case j.copied < len(j.keys):
		c.copyRows(j)
	case j.done < j.until || j.done != j.donor.merged || !j.donor.exact():
		j.redo()
	default:
		c.enter(j)
	}
}

// introduce tells one region of the newcomer. From now on it forgets nothing that the newcomer has not shown.
func (c *Cluster) introduce(j *joining) {
	r := c.regions[j.known]
	r.expected = append(r.expected, j.id)
	r.engine.Meet(j.id)
	j.known++
}

// begin chooses the donor. What its database shows from now on is behind all that its relay has captured.
func (c *Cluster) begin(j *joining) {
	j.donor = c.regions[c.rng.IntN(len(c.regions))]
	j.rows = make(map[conflict.Key]string)
	j.from = int(j.donor.state.LSN)
	j.done = j.from
	for _, table := range c.opt.Tables {
		for n := range c.opt.Keys {
			j.keys = append(j.keys, key(table, n))
		}
	}
}

// copyRows reads a few rows. The newcomer may die before it has noted that, and read them again.
func (c *Cluster) copyRows(j *joining) {
	to := min(j.copied+1+c.rng.IntN(4), len(j.keys))
	for _, k := range j.keys[j.copied:to] {
		j.put(k, j.donor.db.row(k))
	}
	j.until = len(j.donor.db.log)
	if c.rng.IntN(8) > 0 {
		j.copied = to
	}
}

// put writes a row, and deletes those that have its unique values: they were read at another time, and have changed since.
func (j *joining) put(k conflict.Key, row conflict.Row) {
	delete(j.rows, k)
	if !row.Exists() {
		return
	}
	for other, image := range j.rows {
		taken := cellsOf(image).unique(tableOf(other))
		if slices.ContainsFunc(taken, func(u string) bool { return slices.Contains(row.Unique, u) }) {
			delete(j.rows, other)
		}
	}
	j.rows[k] = string(row.Image)
}

// redo does the next entry again that the donor has merged. The newcomer may die and come back to an earlier one.
func (j *joining) redo() {
	if j.done >= j.donor.merged {
		return
	}
	if j.donor.entries[j.done].emptied != "" {
		*j = joining{id: j.id, known: j.known} // what a statement took cannot be done again row by row: its operator begins again
		return
	}
	for _, change := range j.donor.entries[j.done].changes {
		j.put(change.Key, change.After)
		if j.donor.entries[j.done].Kind == relay.Local {
			d := database{rows: j.rows, schema: j.donor.schema} // what its foreign keys did there is not in the log
			d.cascade(&change)
		}
	}
	j.done++
	if j.done == j.from+5 && !j.died {
		j.done, j.died = j.from+2, true
	}
}

// exact tells whether what the relay knows belongs to the entry that it merged last. After a crash it may know more: half a checkpoint. It does
// again when it has come to where it was, and that goes back too.
func (r *region) exact() bool { return r.merged >= r.recovered }

// enter has the newcomer begin with what the donor knows at the last entry that was done again.
func (c *Cluster) enter(j *joining) {
	donor := j.donor
	seq := relay.Seq(0)
	for i := range donor.entries[:j.done] {
		if e := &donor.entries[i]; e.Kind == relay.Local {
			seq = e.Seq
		}
	}
	n := newRegion(j.id, nil, c.skew(), donor.schema)
	n.began = make(map[relay.Region]relay.Seq)
	n.db.rows, n.db.log, n.entries = j.rows, make([]logged, j.done), make([]entry, j.done)
	n.saved = donor.moved(relay.SeqHLC{Seq: seq, HLC: donor.clockOf(seq)})
	// Its clock goes on from what the donor has promised: no stable cut is above that.
	n.state = relay.State{LSN: relay.LSN(j.done), HLC: donor.state.HLC, Seen: n.saved.snapshot.Seen}
	for _, r := range c.regions {
		seen := n.saved.snapshot.Seen[r.id].Seq
		n.others = append(n.others, r.id)
		n.db.ledger[r.id], n.began[r.id] = seen, seen
		n.received[r.id] = make([]conflict.Transaction, seen) // which it never gets
		r.others, r.expected = append(r.others, j.id), nil
	}
	n.restart()
	c.regions, c.joining = append(c.regions, n), nil
}

// moved is what a newcomer's relay begins with.
func (r *region) moved(last relay.SeqHLC) checkpoint {
	saved := checkpoint{
		index: make(map[conflict.Key]conflict.Register), snapshot: r.engine.Snapshot().Moved(r.id, last), merged: r.merged,
	}
	for k, reg := range r.index.All {
		saved.index[k] = reg
	}
	return saved
}

// clockOf is the clock of one of the region's own transactions.
func (r *region) clockOf(seq relay.Seq) relay.HLC {
	for i := range r.entries {
		if e := &r.entries[i]; e.Kind == relay.Local && e.Seq == seq {
			return e.HLC
		}
	}
	return 0
}

// joined brings a region in that has not come as far.
func (c *Cluster) joined() {
	for c.joining != nil {
		c.join()
		if j := c.joining; j != nil && j.donor != nil {
			j.donor.fence()
		}
	}
}
