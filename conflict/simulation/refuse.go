package simulation

import "github.com/octant-db/octant/conflict"

// refuse has a region's database begin or cease to take the relay's writes of a row; applications can write it all along. The relay leaves
// such rows out of its transactions, and parks them.
func (c *Cluster) refuse(r *region) {
	switch k := c.key(); {
	case r.refused[k]:
		delete(r.refused, k)
		r.engine.Unpark(k)
	case len(r.refused) < 3:
		r.refused[k] = true
	}
}

// relent has every database take everything again.
func (c *Cluster) relent() {
	for _, r := range c.regions {
		clear(r.refused)
		for _, k := range r.engine.Snapshot().Repairs {
			r.engine.Unpark(k)
		}
	}
}

// leaveOut takes the writes out of a plan that the database refuses. It tells whether anything is left to be committed.
func (r *region) leaveOut(p *conflict.Plan) bool {
	r.engine.LeaveOut(p, func(w *conflict.Write) bool {
		if r.refused[w.Key] {
			r.engine.Park(w.Key)
		}
		return r.refused[w.Key]
	})
	return len(p.Writes) > 0 || !p.Mark.Repair()
}
