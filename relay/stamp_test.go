package relay_test

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/octant-db/octant/relay"
)

// TestClockRule stamps random entries, whose database's clock jumps at will.
func TestClockRule(t *testing.T) {
	const self = 3
	rapid.Check(t, func(t *rapid.T) {
		var s relay.State
		var marks relay.HLC
		seen := relay.Vector{}
		for range rapid.IntRange(1, 60).Draw(t, "entries") {
			c := drawCaptured(t, self)
			before := s
			before.Seen = slices.Clone(s.Seen)
			e, next := s.Next(self, c)
			if s.Seen = slices.Clip(s.Seen); !reflect.DeepEqual(s, before) {
				t.Fatalf("Next changed its argument from %v to %v", before, s)
			}
			if next.HLC < s.HLC || e.HLC != next.HLC {
				t.Fatalf("the clock went from %d to %d, the entry has %d", s.HLC, next.HLC, e.HLC)
			}
			if e.LSN != s.LSN+1 || next.LSN != e.LSN || next.Position != c.Position {
				t.Fatalf("entry %d at %q after state %v", e.LSN, next.Position, s)
			}
			switch c.Kind {
			case relay.Local:
				if e.HLC <= s.HLC || e.HLC <= marks || e.HLC < relay.HLC(c.Physical.UnixMicro()) {
					t.Fatalf("local clock %d after %d, marks up to %d, physical %d", e.HLC, s.HLC, marks, c.Physical.UnixMicro())
				}
				if e.Seq != s.Seq+1 || next.Seq != e.Seq || !equalVectors(e.Deps, seen) {
					t.Fatalf("sequence %d after %d, deps %v, seen %v", e.Seq, s.Seq, e.Deps, seen)
				}
			case relay.Applied:
				marks = max(marks, c.Mark.HLC)
				if !c.Mark.Repair() && c.Mark.Origin != self {
					seen.Raise(c.Mark.Origin, c.Mark.HLC)
				}
				fallthrough
			default:
				if e.Seq != 0 || next.Seq != s.Seq || e.Deps != nil {
					t.Fatalf("a %v entry has sequence %d and deps %v", c.Kind, e.Seq, e.Deps)
				}
			}
			s = next
		}
	})
}

// drawCaptured draws an entry. The marks of an origin rise, as its commits do.
func drawCaptured(t *rapid.T, self relay.Region) relay.Captured {
	c := relay.Captured{
		Kind:     relay.EntryKind(rapid.IntRange(1, 4).Draw(t, "kind")),
		Physical: time.UnixMicro(rapid.Int64Range(1, 1e6).Draw(t, "physical")),
		Position: relay.Position(rapid.StringN(0, 4, 8).Draw(t, "position")),
	}
	if c.Kind == relay.Applied {
		to := rapid.Uint64Range(1, 1e6).Draw(t, "to")
		c.Mark = &relay.Mark{
			Origin: relay.Region(rapid.IntRange(1, 5).Draw(t, "origin")),
			Range:  relay.Range{From: relay.Seq(to), To: relay.Seq(to)}, HLC: relay.HLC(to),
		}
		if rapid.Bool().Draw(t, "repair") {
			c.Mark.Origin, c.Mark.Range, c.Mark.HLC = self, relay.Range{}, 0
		}
	}
	return c
}

func equalVectors(v, w relay.Vector) bool {
	for r := range relay.Region(relay.MaxRegions + 1) {
		if v.Get(r) != w.Get(r) {
			return false
		}
	}
	return true
}

// TestNextDoesNotAlias makes two futures of one state.
func TestNextDoesNotAlias(t *testing.T) {
	mark := func(origin relay.Region, seq relay.Seq) relay.Captured {
		return relay.Captured{Kind: relay.Applied, Mark: &relay.Mark{
			Origin: origin, Range: relay.Range{From: seq, To: seq}, HLC: relay.HLC(seq),
		}}
	}
	_, s := relay.State{}.Next(1, mark(5, 10))
	e, _ := s.Next(1, relay.Captured{Kind: relay.Local})
	_, one := s.Next(1, mark(5, 11))
	_, two := s.Next(1, mark(2, 7))
	if s.Seen[5].Seq != 10 || one.Seen[2].Seq != 0 || two.Seen[5].Seq != 10 || e.Deps.Get(5) != 10 {
		t.Fatalf("states share memory: %v %v %v %v", s, one, two, e.Deps)
	}
}
