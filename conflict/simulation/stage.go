package simulation

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/octant-db/octant/conflict"
	"github.com/octant-db/octant/relay"
)

// Stage is a cluster that does what it is told, while the seed decides what its relays do in between. Regions are numbered from 1.
type Stage struct{ c *Cluster }

// NewStage returns a stage whose regions agree about the schema.
func NewStage(seed uint64, regions int, schema Schema) *Stage {
	c := &Cluster{
		opt: Options{Seed: seed, Regions: regions}, rng: rand.New(rand.NewPCG(seed, 3)), now: time.UnixMicro(start),
		cut: make(map[[2]relay.Region]bool),
	}
	for i := range regions {
		id := relay.Region(i + 1)
		c.regions = append(c.regions, newRegion(id, c.except(id), 0, schema))
	}
	return &Stage{c}
}

func (s *Stage) region(id relay.Region) *region { return s.c.regions[id-1] }

// Commit commits an application's transaction, forced if it is an operator's decision. It fails when unique keys forbid it.
func (s *Stage) Commit(id relay.Region, writes []conflict.Write, force bool) error {
	r := s.region(id)
	s.c.now = s.c.now.Add(time.Millisecond + time.Duration(s.c.rng.IntN(5000))*time.Microsecond)
	at := s.c.now.Add(r.skew)
	before := len(r.db.log)
	if !r.db.commit(nil, writes, at) {
		return fmt.Errorf("commit in region %d: a unique value is taken by %v", id, r.db.clashes(writes))
	}
	if len(r.db.log) == before {
		return fmt.Errorf("commit in region %d: nothing is changed", id)
	}
	r.db.log[before].force = force
	s.churn()
	return nil
}

// Truncate empties a table of which the last writer wins.
func (s *Stage) Truncate(id relay.Region, table string) {
	r := s.region(id)
	s.c.now = s.c.now.Add(time.Millisecond)
	r.db.empty(table, false, s.c.now.Add(r.skew))
	s.churn()
}

// churn lets the relays do something, whatever comes to the seed's mind. Relays die now and then.
func (s *Stage) churn() {
	for range s.c.rng.IntN(60) {
		s.c.now = s.c.now.Add(time.Duration(s.c.rng.IntN(20)) * time.Microsecond)
		r := s.c.regions[s.c.rng.IntN(len(s.c.regions))]
		switch n := s.c.rng.IntN(100); {
		case n < 98:
			s.c.work(r, 12+s.c.rng.IntN(84))
		case n < 99:
			s.c.redeliver(r)
		default:
			s.c.crash(r)
		}
	}
}

// Row is what stands under a key.
func (s *Stage) Row(id relay.Region, k conflict.Key) conflict.Row { return s.region(id).db.row(k) }

// Keys lists the keys under which rows stand, in order.
func (s *Stage) Keys(id relay.Region) []conflict.Key {
	return slices.Sorted(maps.Keys(s.region(id).db.rows))
}

// Cut ends the traffic between two regions.
func (s *Stage) Cut(a, b relay.Region) {
	s.c.cut[[2]relay.Region{a, b}], s.c.cut[[2]relay.Region{b, a}] = true, true
	s.churn()
}

// Heal ends all cuts.
func (s *Stage) Heal() {
	clear(s.c.cut)
	s.churn()
}

// KillRelay has a relay begin anew from what it has on disk.
func (s *Stage) KillRelay(id relay.Region) {
	s.c.crash(s.region(id))
	s.churn()
}

// KillDatabase takes back what is not committed.
func (s *Stage) KillDatabase(id relay.Region) {
	for r := s.region(id); len(r.flights) > 0; {
		r.abort(0)
	}
	s.churn()
}

// Skew puts a region's clock ahead.
func (s *Stage) Skew(id relay.Region, by time.Duration) { s.region(id).skew = by }

// Retry has a region's relay try again what its database has refused, or what it held back.
func (s *Stage) Retry(id relay.Region, which func(conflict.Key) bool) {
	s.region(id).engine.UnparkAll(which)
	s.churn()
}

// Skip leaves a row as it stands, until it is written again.
func (s *Stage) Skip(id relay.Region, k conflict.Key) {
	r := s.region(id)
	r.skipped[k] = r.engine.Version(k)
	r.engine.Forgive(k)
}

// Settle lets the relays work until nothing is left that can be done, and those that reach each other hear so.
func (s *Stage) Settle() error {
	if err := s.c.level(); err != nil {
		return err
	}
	if s.c.rng.IntN(2) == 0 && len(s.c.cut) == 0 {
		s.c.hush()
	}
	return nil
}

// Owed lists the rows that a region's table does not show as it should.
func (s *Stage) Owed(id relay.Region) []conflict.Key {
	r := s.region(id)
	return slices.DeleteFunc(r.engine.Snapshot().Repairs, func(k conflict.Key) bool {
		right, _, err := r.engine.Right(k)
		must(err)
		return right.Known && right.Row.Same(r.db.row(k))
	})
}

// Conflicts lists what is on record in a region.
func (s *Stage) Conflicts(id relay.Region) []conflict.Conflict { return s.region(id).record.all() }

// Check demands, of a stage that has settled, that every transaction was applied once everywhere, and that no write is older than what its author
// had seen.
func (s *Stage) Check() error {
	if err := s.c.once(); err != nil {
		return err
	}
	return s.c.causal()
}
