package simulation

import "github.com/octant-db/octant/conflict"

// refuse has a region's database begin or cease to take the relay's writes of a row; applications can write it all along. The relay leaves
// such rows out of its transactions, and parks them.
func (c *Cluster) refuse(r *region) {
	if c.rng.IntN(4) == 0 {
		if table := tableOf(c.key()); table != "kid" && table != "toy" {
			r.hold(table)
		}
		return
	}
	switch k := c.key(); {
	case tableOf(k) == "kid" || tableOf(k) == "toy": // what waits is not where the database looks for what it takes, and may be below what is forgotten
	case r.refused[k]:
		delete(r.refused, k)
		r.engine.Unpark(k)
	case len(r.refused) < 3:
		r.refused[k] = true
	}
}

// hold begins or ceases to leave a table as it stands.
func (r *region) hold(table string) {
	if r.held != "" {
		r.held = ""
		r.engine.UnparkAll(func(k conflict.Key) bool { return !r.refused[k] })
		return
	}
	r.held = table
}

// rule is the rule of a row here.
func (r *region) rule(k conflict.Key) *conflict.Rule {
	rule := r.schema.Rule(r.id, k)
	if tableOf(k) != r.held {
		return rule
	}
	if rule == nil {
		rule = &conflict.Rule{Policy: conflict.LWW}
	}
	rule.Held = true
	return rule
}

// relent has every database take everything again.
func (c *Cluster) relent() {
	for _, r := range c.regions {
		r.held = ""
		clear(r.refused)
		for _, k := range r.engine.Snapshot().Repairs {
			r.engine.Unpark(k)
		}
	}
}

// leaveOut takes the writes out of a plan that the database refuses. It tells whether anything is left to be committed.
func (r *region) leaveOut(p *conflict.Plan) bool {
	r.engine.LeaveOut(p, func(w *conflict.Write) bool {
		if isUnnamed(w.Key) {
			r.engine.Park(w.Key)
			return true
		}
		if v, skipped := r.skipped[w.Key]; skipped && v == w.Version {
			r.engine.Forgive(w.Key)
			return true
		}
		if w.Found || !r.refuses(w) {
			return false
		}
		r.engine.Park(w.Key)
		return true
	})
	return len(p.Writes) > 0 || !p.Mark.Repair()
}

// refuses tells whether the region's database does not take a write of the relay.
func (r *region) refuses(w *conflict.Write) bool {
	return r.refused[w.Key] || r.schema.Refuses(r.id, w)
}
