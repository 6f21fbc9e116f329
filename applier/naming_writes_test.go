package applier_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"

	"github.com/octant-db/octant/applier"
	"github.com/octant-db/octant/conflict"
	"github.com/octant-db/octant/relay"
)

// ruledBy has one policy for all tables.
type ruledBy conflict.Policy

func (p ruledBy) Of(string, string) applier.Rule {
	return applier.Rule{Policy: conflict.Policy(p), Regions: []string{"r3", "r2"}, Timestamp: "none"}
}

func (ruledBy) Differ(string, string, string) string { return "" }

// everyPolicy runs a test under each policy but the last writer wins.
func everyPolicy(t *testing.T, test func(t *testing.T, rules ruledBy)) {
	for p := conflict.Priority; p <= conflict.Timestamp; p++ {
		t.Run(p.String(), func(t *testing.T) {
			t.Parallel()
			test(t, ruledBy(p))
		})
	}
}

// newRuledBed is a region under a policy.
func newRuledBed(t testing.TB, rules applier.Rules) *bed {
	b := newMixedBed(t, 2, 3)
	configure := b.config
	b.config = func(c *applier.Config) { configure(c); c.Rules, c.BatchRows = rules, 6 }
	return b
}

// TestMissingTableUnderAPolicy: its rows wait, and nothing else does. A conflict of such rows is told once, when the table is there.
func TestMissingTableUnderAPolicy(t *testing.T) {
	everyPolicy(t, func(t *testing.T, rules ruledBy) {
		b := newRuledBed(t, rules)
		b.start()
		b.receive(2, now(), nil, later("", "1||x"), insert("beside||x"))
		b.receive(2, now(), nil, insert("behind||x"))
		b.receive(3, now(), nil, later("1||was", "1||y"))
		if l := b.parked(1)[0]; l.Reason != relay.MissingTable || l.Table != "app.later" {
			t.Errorf("letter %+v", l)
		}
		if b.d.row("app.t", "beside") == "" || b.d.row("app.t", "behind") == "" {
			t.Error("other tables do not go on")
		}
		if p, held := b.problem("apply_held"); held {
			t.Errorf("the region is held up: %s", p.Detail)
		}
		if list := b.conflicts(); len(list) > 0 {
			t.Errorf("told before the table is there: %+v", list)
		}
		b.createLater()
		eventually(t, "the letter to go", func() bool { return len(b.letters()) == 0 && b.settled() })
		if rows := b.table("app.later"); len(rows) != 1 || rows["1"] == "" {
			t.Errorf("the table is %v", rows)
		}
		if list := b.conflicts(); len(list) != 1 || list[0].Table != "app.later" || list[0].Policy != conflict.Policy(rules).String() || list[0].Seq != 0 {
			t.Errorf("the conflicts are %+v", list)
		}
	})
}

// arrival is a transaction of another region.
type arrival struct {
	origin relay.Region
	clock  relay.HLC
	deps   relay.Vector
	native []string
}

// arrivals are writes of two regions to a few rows, of which some have seen the other region's.
func arrivals(seed uint64, n int) (list []arrival) {
	rng := rand.New(rand.NewPCG(seed, 11))
	clock := now() - relay.HLC(n*1000)
	last := make(relay.Vector, relay.MaxRegions+1)
	for i := range n {
		clock += relay.HLC(1 + rng.IntN(900))
		a := arrival{origin: relay.Region(2 + rng.IntN(2)), clock: clock, deps: make(relay.Vector, relay.MaxRegions+1)}
		if other := 5 - a.origin; rng.IntN(2) == 0 {
			a.deps[other] = last[other]
		}
		last[a.origin] = clock
		for range 1 + rng.IntN(3) {
			id := rng.IntN(8)
			before, after := fmt.Sprintf("%d||before", id), fmt.Sprintf("%d||from %d", id, i)
			switch rng.IntN(5) {
			case 0:
				a.native = append(a.native, later(before, ""))
			case 1:
				a.native = append(a.native, later("", after))
			case 2:
				a.native = append(a.native, insert(after))
			default:
				a.native = append(a.native, later(before, after))
			}
		}
		list = append(list, a)
	}
	return list
}

// table is what stands in a table, by id.
func (b *bed) table(name string) map[string]string {
	b.d.mu.Lock()
	defer b.d.mu.Unlock()
	return maps.Clone(b.d.tables[name])
}

// TestMissingTableComesToTheSame: under every policy rows that have waited for their table come to what they would have come to had it been there, whatever the applier goes through
// meanwhile. Half of the writes come when it is.
func TestMissingTableComesToTheSame(t *testing.T) {
	everyPolicy(t, func(t *testing.T, rules ruledBy) {
		for seed := range uint64(6) {
			list, rng := arrivals(seed, 60), rand.New(rand.NewPCG(seed, 12))
			want, b := newRuledBed(t, rules), newRuledBed(t, rules)
			want.createLater()
			for _, bed := range []*bed{want, b} {
				bed.start()
			}
			for i, a := range list {
				if i == len(list)/2 {
					b.createLater()
				}
				if rng.IntN(8) == 0 {
					b.disturb(rng)
				}
				for _, bed := range []*bed{want, b} {
					bed.receive(a.origin, a.clock, a.deps, a.native...)
				}
			}
			for _, bed := range []*bed{want, b} {
				eventually(t, "the letters to go", func() bool { return len(bed.letters()) == 0 && bed.settled() && len(bed.letters()) == 0 })
			}
			for _, name := range []string{"app.later", "app.t"} {
				if have, want := b.table(name), want.table(name); !maps.Equal(have, want) {
					t.Fatalf("seed %d: %s is\n%v\nwant\n%v", seed, name, have, want)
				}
			}
		}
	})
}
