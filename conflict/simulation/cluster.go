package simulation

import (
	"math/rand/v2"
	"slices"
	"time"

	"github.com/octant-db/octant/conflict"
	"github.com/octant-db/octant/relay"
)

// Options say what a history is like.
type Options struct {
	Seed    uint64
	Regions int           // 2..8
	Keys    int           // hot keys
	Steps   int           // until the drain
	Skew    time.Duration // clocks are off by up to this, either way
	Silence bool          // some regions stop writing early, so that nothing heals a fault later
	// Talk has the regions hear of each other so often that most rows are forgotten soon.
	Talk bool
	// Triggers has the applier's transactions often write rows that nobody asked for; it goes with Talk.
	Triggers bool
	// Rests has everybody come to an end and hear of it now and then, so that all is forgotten in the midst of a history.
	Rests bool
	// Tables are named after their policies; none stands for "lww" alone.
	Tables []string
	// Values is how many different values the unique columns have; 0: they stay empty.
	Values int
	// Truncates has applications empty the table "lww" now and then.
	Truncates bool
	// Refusals has databases refuse what the relay writes to some rows for a while.
	Refusals bool
	// Loss has one region be lost for good in the midst of the history.
	Loss bool
	// Families are tables with foreign keys, beside "parent": see Families. What these do to rows the databases do not log.
	Families []string
	// Numbers is how many different numbers parents are given; 0: few.
	Numbers int
	// Lacks has regions' databases lack a table for a while.
	Lacks bool
	// Join has one region more join in the midst of the history.
	Join bool
}

// Cluster is a running history.
type Cluster struct {
	opt     Options
	rng     *rand.Rand
	now     time.Time
	regions []*region // by id-1
	cut     map[[2]relay.Region]bool
	writes  int
	hidden  int // rows that the oracle says are hidden in the end
	joining *joining
	losing  *losing
	naming  *rand.Rand // of what has to do with provisional keys
}

// start is the time at which histories begin.
const start = 1_700_000_000_000_000

// New returns a cluster at the beginning of its history.
func New(opt Options) *Cluster {
	if len(opt.Tables)+len(opt.Families) == 0 {
		opt.Tables = []string{"lww"}
	}
	if len(opt.Families) > 0 {
		opt.Tables = slices.Concat(opt.Tables, []string{"parent"}, opt.Families)
	}
	c := &Cluster{
		opt: opt, rng: rand.New(rand.NewPCG(opt.Seed, 1)), now: time.UnixMicro(start),
		cut: make(map[[2]relay.Region]bool), naming: rand.New(rand.NewPCG(opt.Seed, 4)),
	}
	for i := range opt.Regions {
		id := relay.Region(i + 1)
		c.regions = append(c.regions, newRegion(id, c.except(id), c.skew(), mixture{}))
	}
	return c
}

func (c *Cluster) except(id relay.Region) []relay.Region {
	var others []relay.Region
	for i := range c.opt.Regions {
		if o := relay.Region(i + 1); o != id {
			others = append(others, o)
		}
	}
	return others
}

func (c *Cluster) skew() time.Duration {
	if c.opt.Skew == 0 {
		return 0
	}
	return time.Duration(c.rng.Int64N(int64(2*c.opt.Skew))) - c.opt.Skew
}

// Run plays the history, drains it and checks what it left.
func (c *Cluster) Run() error {
	for step := range c.opt.Steps {
		c.now = c.now.Add(time.Duration(c.rng.IntN(2000)) * time.Microsecond)
		if c.opt.Silence && step == c.opt.Steps/2 {
			c.silence()
		}
		r := c.anybody()
		c.step(r)
		if c.opt.Join && step == c.opt.Steps/3 {
			c.joining = &joining{id: relay.Region(len(c.regions) + 1)}
		}
		if c.joining != nil && c.rng.IntN(4) == 0 {
			c.join()
		}
		if c.opt.Loss && step == c.opt.Steps/3 {
			c.losing = &losing{id: relay.Region(1 + c.rng.IntN(len(c.regions)))}
		}
		if c.losing != nil && c.rng.IntN(4) == 0 {
			c.lose()
		}
		if c.opt.Talk && c.rng.IntN(3) == 0 {
			c.hear(r)
			must(r.engine.Forget())
		}
		if c.opt.Refusals && c.rng.IntN(25) == 0 {
			c.refuse(r)
		}
		if c.opt.Lacks {
			c.lacks(r)
		}
		if c.opt.Rests && c.rng.IntN(80) == 0 {
			if err := c.rest(); err != nil {
				return err
			}
		}
		if c.opt.Triggers && c.rng.IntN(30) == 0 {
			c.repair(r)
			c.crash(r)
			r.merge()
			c.repair(r)
		}
		if c.opt.Talk && c.rng.IntN(60) == 0 {
			c.crash(r)
			for range 2 * len(r.others) {
				c.hear(r)
			}
			must(r.engine.Forget())
		}
	}
	if err := c.drain(); err != nil {
		return err
	}
	return c.check()
}

// anybody is a region that is not dead.
func (c *Cluster) anybody() *region {
	for {
		if r := c.regions[c.rng.IntN(len(c.regions))]; !c.dead(r) {
			return r
		}
	}
}

func (c *Cluster) silence() {
	for _, r := range c.regions {
		r.silent = c.rng.IntN(3) > 0
	}
}

// rest lets the relays work until nothing is left to do, and everybody hear so from everybody.
func (c *Cluster) rest() error {
	clear(c.cut)
	if err := c.level(); err != nil {
		return err
	}
	c.hush()
	return nil
}

// step lets one thing happen in one region.
func (c *Cluster) step(r *region) {
	switch n := c.rng.IntN(100); {
	case n < 12:
		c.write(r)
	case n < 96:
		c.work(r, n)
	case n < 97:
		c.crash(r)
	case n < 98:
		c.toggle(r)
	default:
		c.redeliver(r)
	}
}

func (c *Cluster) other(r *region) *region {
	return c.regions[r.others[c.rng.IntN(len(r.others))]-1]
}

func (c *Cluster) linked(from, to *region) bool {
	return !c.cut[[2]relay.Region{from.id, to.id}] && !c.apart(from, to)
}

// deliver brings up to n+1 transactions of another region over.
func (c *Cluster) deliver(r *region, n int) bool {
	from := c.other(r)
	if !c.linked(from, r) {
		return false
	}
	sent := 0
	for range n + 1 {
		if t := from.local(len(r.received[from.id])); t != nil {
			r.received[from.id] = append(r.received[from.id], *t)
			sent++
		}
	}
	return sent > 0
}

// redeliver sends again what was sent before; the relay log takes a sequence once.
func (c *Cluster) redeliver(r *region) {
	from := c.other(r)
	held, planned := r.received[from.id], int(r.engine.Planned(from.id))
	if planned == 0 {
		return
	}
	again := planned - 1 - c.rng.IntN(min(planned, 4))
	more := held[planned:]
	plan, err := r.plan(held[again : planned+c.rng.IntN(whole(more)+1)])
	must(err)
	r.depart(plan)
}

// whole is how many of the transactions empty no table.
func whole(list []conflict.Transaction) int {
	for i := range list {
		if emptied(&list[i]) != "" {
			return i
		}
	}
	return len(list)
}

// local returns the n-th local transaction that is in the relay log, from 0.
func (r *region) local(n int) *conflict.Transaction {
	if relay.Seq(n) >= r.state.Seq {
		return nil
	}
	for i := range r.entries {
		if e := &r.entries[i]; e.Kind == relay.Local && e.Seq == relay.Seq(n+1) {
			return e.transaction(r.id)
		}
	}
	return nil
}

// plan has the engine decide the next few transactions of one origin.
func (c *Cluster) plan(r *region) bool {
	origin := r.others[c.rng.IntN(len(r.others))]
	held := r.received[origin]
	from := int(r.engine.Planned(origin))
	if from >= len(held) || !c.prepared(r, &held[from]) {
		return false
	}
	if c.rng.IntN(8) == 0 {
		return r.stream(&held[from])
	}
	to := from + uptoEmptied(held[from:min(len(held), from+1+c.rng.IntN(4))])
	plan, err := r.plan(held[from:to])
	must(err)
	return r.depart(plan)
}

func (c *Cluster) repair(r *region) bool {
	plan, err := r.engine.Repair(1 + c.rng.IntN(4))
	must(err)
	return r.depart(plan)
}

// finish ends one open transaction. One that does not find the rows as it expects them is decided again, or writes
// whatever stands there.
func (c *Cluster) finish(r *region) bool {
	if len(r.flights) == 0 {
		return false
	}
	i := c.rng.IntN(len(r.flights))
	if !r.earliest(i) {
		return false
	}
	if c.rng.IntN(10) == 0 || c.opt.Triggers && c.rng.IntN(3) == 0 {
		r.abort(i)
		return true
	}
	if p := r.flights[i]; !r.streams[p] && !r.db.expects(p.Writes) {
		must(r.engine.Reconsider(p))
		if c.rng.IntN(2) == 0 {
			return true
		}
	}
	if c.opt.Triggers && c.rng.IntN(6) == 0 {
		c.trigger(r.flights[i])
	}
	r.arrive(i, c.now.Add(r.skew))
	return true
}

// trigger adds a row to a transaction that nobody asked for, as a trigger in the database would. Where the row was written first, the
// trigger's effect has travelled with the transaction already: this one is to be undone.
func (c *Cluster) trigger(p *conflict.Plan) {
	writes := c.change(c.regions[0])
	if len(writes) == 0 {
		return
	}
	w := writes[0]
	if !slices.ContainsFunc(p.Writes, func(x conflict.Write) bool { return x.Key == w.Key }) {
		p.Writes = append(slices.Clip(p.Writes), w)
	}
}

// hear brings another region's heartbeat over.
func (c *Cluster) hear(r *region) {
	from := c.other(r)
	if !c.linked(from, r) {
		return
	}
	if int(from.state.LSN) == len(from.db.log) && c.rng.IntN(2) == 0 {
		from.state.HLC = max(from.state.HLC, relay.HLC(c.now.Add(from.skew).UnixMicro()))
	}
	announced, _ := from.engine.Announce()
	r.engine.Heard(from.id, relay.Heartbeat{Last: from.state.Seq, Promise: from.state.HLC, Announced: announced})
}

// crash kills the relay. What was in flight may have reached the database all the same.
func (c *Cluster) crash(r *region) {
	for len(r.flights) > 0 && c.rng.IntN(2) == 0 {
		r.arrive(0, c.now.Add(r.skew))
	}
	if c.rng.IntN(2) == 0 {
		r.checkpoint(true)
	}
	r.restart()
}

// toggle cuts or heals a link, or all links of a region.
func (c *Cluster) toggle(r *region) {
	if c.rng.IntN(3) == 0 {
		down := c.rng.IntN(2) == 0
		for _, o := range r.others {
			c.cut[[2]relay.Region{r.id, o}], c.cut[[2]relay.Region{o, r.id}] = down, down
		}
		return
	}
	link := [2]relay.Region{c.other(r).id, r.id}
	c.cut[link] = !c.cut[link]
}
