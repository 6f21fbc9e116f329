package simulation

import (
	"testing"
	"time"

	"github.com/octant-db/octant/conflict"
	"github.com/octant-db/octant/relay"
)

// directed is a history that is told step by step: nothing happens by itself.
type directed struct {
	t *testing.T
	c *Cluster
}

// begun is a history of several regions in which some rows stand that everybody has forgotten.
func begun(t *testing.T, regions int, rows ...conflict.Write) *directed {
	h := &directed{t, New(Options{Seed: 1, Regions: regions, Keys: 9, Families: Chain})}
	h.forget(rows...)
	return h
}

// forget writes rows and has everybody forget them.
func (h *directed) forget(rows ...conflict.Write) {
	h.t.Helper()
	h.write(1, rows...)
	h.level()
	h.c.hush()
}

// put and drop are writes of one row, which names another one or none.
func put(table string, n int, below string) conflict.Write {
	return conflict.Write{Key: key(table, n), After: cells{a: "row", p: below}.row(table)}
}

func drop(table string, n int) conflict.Write { return conflict.Write{Key: key(table, n)} }

// later is put with something else in another column.
func later(table string, n int, below string) conflict.Write {
	return conflict.Write{Key: key(table, n), After: cells{a: "later", p: below}.row(table)}
}

func (h *directed) region(id relay.Region) *region { return h.c.regions[id-1] }

func (h *directed) tick() time.Time {
	h.c.now = h.c.now.Add(time.Second)
	return h.c.now
}

// write is an application's transaction, which the relay of its region has passed.
func (h *directed) write(id relay.Region, writes ...conflict.Write) {
	h.t.Helper()
	if r := h.region(id); !r.db.commit(nil, writes, h.tick()) {
		h.t.Fatalf("region %d does not take %v", id, writes)
	}
	h.pass(id)
}

// pass has the relay of a region pass all that its database has committed.
func (h *directed) pass(id relay.Region) {
	for r := h.region(id); r.capture() || r.merge(); {
	}
}

// apply writes all that a region has and another one lacks in that one, as one batch.
func (h *directed) apply(from, to relay.Region) {
	h.t.Helper()
	h.begin(from, to)
	h.region(to).arrive(0, h.tick())
}

// begin is apply up to the commit.
func (h *directed) begin(from, to relay.Region) {
	h.t.Helper()
	r := h.region(to)
	for t := h.region(from).local(len(r.received[from])); t != nil; t = h.region(from).local(len(r.received[from])) {
		r.received[from] = append(r.received[from], *t)
	}
	plan, err := r.plan(r.received[from][r.engine.Planned(from):])
	must(err)
	if !r.depart(plan) {
		h.t.Fatalf("region %d has nothing to write of region %d", to, from)
	}
}

// bring is apply, and the relay passes it.
func (h *directed) bring(from, to relay.Region) {
	h.t.Helper()
	h.apply(from, to)
	h.pass(to)
}

// talk has everybody hear what everybody shows, as of now, and forget what need not be known.
func (h *directed) talk() {
	for _, r := range h.c.regions {
		if len(r.engine.Snapshot().Repairs) == 0 {
			r.state.HLC = max(r.state.HLC, relay.HLC(h.tick().UnixMicro()))
		}
	}
	for range 3 {
		for _, r := range h.c.regions {
			for _, from := range r.others {
				of := h.region(from)
				announced, _ := of.engine.Announce()
				r.engine.Heard(from, relay.Heartbeat{Last: of.state.Seq, Promise: of.state.HLC, Announced: announced})
			}
		}
	}
	for _, r := range h.c.regions {
		must(r.engine.Forget())
	}
}

func (h *directed) level() {
	h.t.Helper()
	if err := h.c.level(); err != nil {
		h.t.Fatal(err)
	}
}

// ends demands that all regions come to what all writes come to.
func (h *directed) ends() {
	h.t.Helper()
	h.level()
	if err := h.c.check(); err != nil {
		h.t.Fatal(err)
	}
}

// stands demands that a row stands in a region now, or that it does not.
func (h *directed) stands(id relay.Region, table string, n int, want bool) {
	h.t.Helper()
	if is := h.region(id).db.row(key(table, n)).Exists(); is != want {
		h.t.Errorf("in region %d row %d of %s stands: %v", id, n, table, is)
	}
}

// mend has the relay of a region write again what waits for that.
func (h *directed) mend(id relay.Region) {
	h.t.Helper()
	r := h.region(id)
	plan, err := r.engine.Repair(100)
	must(err)
	if !r.depart(plan) {
		h.t.Fatalf("nothing waits for repair in region %d", id)
	}
	r.arrive(0, h.tick())
	h.pass(id)
}

// save has all relays write what they know to disk, and forget what is done with since.
func (h *directed) save() {
	for _, r := range h.c.regions {
		r.checkpoint(false)
		must(r.engine.Forget())
	}
}

// agree demands that a row stands in all regions in the end, or in none.
func (h *directed) agree(table string, n int, want bool) {
	h.t.Helper()
	h.level()
	for _, r := range h.c.regions {
		h.stands(r.id, table, n, want)
	}
}
