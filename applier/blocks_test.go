package applier_test

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/octant-db/octant/applier"
	"github.com/octant-db/octant/conflict"
	"github.com/octant-db/octant/relay"
)

// TestCut changes a history in all ways that there are, and cuts it into blocks each time: they hold just its events, are not too large nor too many, and most stay as they are.
func TestCut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var events []*conflict.Event
		var blocks [][]*conflict.Event
		clock := relay.HLC(0)
		for range rapid.IntRange(1, 60).Draw(t, "checkpoints") {
			changed := rapid.IntRange(0, 20).Draw(t, "changed")
			for range changed {
				clock += 10
				ev := &conflict.Event{Version: relay.Version{HLC: clock, Region: 1}}
				ev.After.Image = make(relay.Image, rapid.SampledFrom([]int{0, 10, 10, 10, 3000, 9000}).Draw(t, "image"))
				switch at := rapid.IntRange(0, 3*len(events)+1).Draw(t, "at"); {
				case at >= len(events):
					events = append(events, ev)
				case at%2 == 0: // late
					ev.Version = relay.Version{HLC: events[at].Version.HLC, Region: events[at].Version.Region + 1}
					if at+1 == len(events) || ev.Version.Compare(events[at+1].Version) < 0 {
						events = slices.Insert(events, at+1, ev)
					}
				default: // judged anew
					ev.Version = events[at].Version
					events[at] = ev
				}
			}
			if rapid.IntRange(0, 9).Draw(t, "settles") == 0 {
				events = slices.Clone(events[rapid.IntRange(0, len(events)).Draw(t, "settled"):])
				changed++
			}
			list, stays := applier.Cut(blocks, events)
			if len(events) < 16 {
				if list != nil {
					t.Fatalf("%d events are in blocks", len(events))
				}
				blocks = nil
				continue
			}
			checkCut(t, list, stays, events, changed)
			blocks = list
		}
	})
}

func checkCut(t *rapid.T, list [][]*conflict.Event, stays []bool, events []*conflict.Event, changed int) {
	fresh := 0
	for i, b := range list {
		size := 0
		for _, ev := range b {
			size += len(ev.After.Image)
		}
		if len(b) == 0 || len(b) > 12 || size > 4<<10+9000 {
			t.Fatalf("a block has %d events of %d bytes", len(b), size)
		}
		if !stays[i] {
			fresh += len(b)
		}
	}
	if got := slices.Concat(list...); !slices.Equal(got, events) {
		t.Fatalf("%d events in blocks of a history of %d", len(got), len(events))
	}
	if most := 12*(changed+2) + changed; fresh > most && fresh < len(events) {
		t.Fatalf("%d of %d events are written anew for %d changes", fresh, len(events), changed)
	}
}

// TestLongHistoriesAreSavedInPart: a row that is written all the time while a region is away is not written whole with each checkpoint, stays in memory, is there after a restart, and leaves nothing behind.
func TestLongHistoriesAreSavedInPart(t *testing.T) {
	b := newBed(t, 2)
	b.config = func(c *applier.Config) { c.Rules = tornRules{} }
	a := b.make()
	s := &script{bed: b, ids: []string{"row"}, tables: []string{"app.t2"}}
	written := 0
	b.store.onWrite = func(pairs []relay.Pair) {
		for _, p := range pairs {
			written += len(p.Key) + len(p.Value)
		}
	}
	saves := func(writes int) (bytes int) {
		for i := range writes {
			b.d.localIn("app.t2", fmt.Sprintf("row||%d of %d", i, writes))
		}
		eventually(t, "the log", func() bool { return relay.LSN(b.log.Local().Last()) == b.d.end() })
		s.merge(a, b.d.end())
		written = 0
		if err := a.Checkpoint(t.Context()); err != nil {
			t.Fatal(err)
		}
		return written
	}
	whole := saves(3000)
	if part := saves(10); part*10 > whole {
		t.Errorf("ten more writes of a row that has 3,000 are saved in %d bytes, the others in %d", part, whole)
	}
	if histories, _ := a.Blocks(); histories != 1 {
		t.Errorf("%d histories are in blocks", histories)
	}
	if err := a.CoolBusy(); err != nil {
		t.Fatal(err)
	}
	hot := 0
	for range a.Versions(t.Context()) {
		hot++
	}
	if hot != 1 {
		t.Errorf("%d rows are in memory", hot)
	}
	want := s.picture(a)
	a = b.make()
	s.compare(s.picture(a), want)
	clock := b.d.clock()
	a.Heard(2, relay.Heartbeat{Promise: clock + 1, Announced: relay.Vector{0, clock, clock}})
	if err := a.Forget(); err != nil {
		t.Fatal(err)
	}
	if err := a.Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	for k := range b.store.pairs {
		if k[0] == 'e' || k[0] == 'v' {
			t.Errorf("still in the store: %q", k)
		}
	}
}
