package applier_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/octant-db/octant/applier"
	"github.com/octant-db/octant/conflict"
	"github.com/octant-db/octant/relay"
)

// script is a local stream, written beforehand, that appliers merge step by step.
type script struct {
	*bed
	late   bool
	ids    []string
	tables []string
}

func (s *script) keys() []conflict.Key {
	var keys []conflict.Key
	for _, t := range s.tables {
		for _, id := range s.ids {
			keys = append(keys, conflict.Key(t+"\x00"+id))
		}
	}
	return keys
}

// newScript has local and applied entries over a few rows of several tables, some with images that are kept in pieces.
// late says that some applied ones are older than what they cover.
func newScript(t *testing.T, seed uint64, entries int, late bool) *script {
	s := &script{bed: newBed(t, 2), late: late}
	rng := rand.New(rand.NewPCG(seed, 9))
	for i := range 6 {
		s.ids = append(s.ids, fmt.Sprint("row", i))
	}
	for i := range 3 {
		s.tables = append(s.tables, fmt.Sprint("app.t", i))
	}
	for i := range entries {
		table, id := s.tables[rng.IntN(3)], s.ids[rng.IntN(6)]
		row := fmt.Sprintf("%s||%d ", id, i)
		switch rng.IntN(12) {
		case 0:
			row = "-" + id
		case 1:
			row += strings.Repeat(fmt.Sprint(i%10), 1+rng.IntN(700<<10))
		}
		switch rng.IntN(4) {
		case 0:
			s.applied(rng, table, row)
		default:
			s.d.localIn(table, row)
		}
	}
	eventually(t, "the log", func() bool { return relay.LSN(s.log.Local().Last()) == s.d.end() })
	return s
}

// applied receives a transaction, which may be older than what stands there, and writes it down as applied all the same.
func (s *script) applied(rng *rand.Rand, table, row string) {
	s.d.mu.Lock()
	id, gone := strings.CutPrefix(row, "-")
	id = idOf(relay.Image(id))
	if gone {
		row = ""
	}
	before := s.d.tables[table][id]
	clock := s.d.state.HLC + 1
	if s.late {
		clock -= relay.HLC(rng.IntN(2) * rng.IntN(3000))
	}
	s.d.mu.Unlock()
	if last := s.log.Received(2).Last(); last > 0 {
		t, _, _ := s.log.Received(2).Transaction(relay.Seq(last))
		clock = max(clock, t.HLC+1)
	}
	if before == row {
		return
	}
	s.receive(2, clock, nil, line(table, before, row))
	seq := relay.Seq(s.log.Received(2).Last())
	s.d.mu.Lock()
	defer s.d.mu.Unlock()
	s.d.record(relay.Applied, &relay.Mark{Origin: 2, Range: relay.Range{From: seq, To: seq}, HLC: clock}, s.d.set(table, id, row))
}

// merge has a merge up to an entry.
func (s *script) merge(a *applier.Applier, to relay.LSN) {
	s.t.Helper()
	for lsn := a.Merged() + 1; lsn <= to; lsn++ {
		e, body, err := s.log.Local().Entry(lsn)
		if err == nil {
			err = a.Merge(context.Background(), &e, body)
		}
		if err != nil {
			s.t.Fatalf("merge entry %d: %v", lsn, err)
		}
	}
}

// picture is all that matters of an applier's memory.
func (s *script) picture(a *applier.Applier) map[string]string {
	s.t.Helper()
	p := make(map[string]string)
	for _, k := range s.keys() {
		r, known, err := a.Register(k)
		if err != nil {
			s.t.Fatal(err)
		}
		if known {
			p[string(k)] = fmt.Sprintf("%s %v %v %s", r.Version, r.Row.Table, r.Row.Gone, r.Row.Image)
			if r.Row.Table != nil {
				p[string(k)] = fmt.Sprintf("%s %s %v %s", r.Version, r.Row.Table, r.Row.Gone, r.Row.Image)
			}
			if r.History != nil {
				p[string(k)] += pictureOf(r.History)
			}
		}
	}
	snapshot := a.Snapshot()
	slices.Sort(snapshot.Repairs)
	p["repairs"], p["seen"] = fmt.Sprintf("%q", snapshot.Repairs), fmt.Sprint(snapshot.Seen)
	return p
}

func pictureOf(h *conflict.History) string {
	text := fmt.Sprintf(" base %v %v %s %s", h.Base.Known, h.Base.Version, h.Base.Row.Image, h.Base.Row.Table)
	for _, ev := range h.Events {
		text += fmt.Sprintf("; %v %v %v %s->%s", ev.Version, ev.Deps, ev.Rejected, ev.Before.Image, ev.After.Image)
	}
	return text
}

func (s *script) compare(got, want map[string]string) {
	s.t.Helper()
	for k := range want {
		if got[k] != want[k] {
			s.t.Errorf("%q is %.90q, should be %.90q", k, got[k], want[k])
		}
	}
	for k := range got {
		if want[k] == "" {
			s.t.Errorf("%q is %.90q, should not be known", k, got[k])
		}
	}
}

// TestTornCheckpoints saves now and then, with a store that fails after any number of writes, goes on or starts anew, and must know
// in the end what an applier knows that never saved.
func TestTornCheckpoints(t *testing.T) {
	for _, crash := range []bool{true, false} {
		for _, ruled := range []bool{false, true} {
			t.Run(fmt.Sprintf("crash=%v,ruled=%v", crash, ruled), func(t *testing.T) {
				for seed := range uint64(tornSeeds) {
					t.Run(fmt.Sprint(seed), func(t *testing.T) { t.Parallel(); torn(t, seed, crash, ruled) })
				}
			})
		}
	}
}

// tornRules give each table another policy.
type tornRules struct{}

func (tornRules) Of(_, table string) applier.Rule {
	policy := map[string]conflict.Policy{"t0": conflict.Reject, "t1": conflict.Rollback, "t2": conflict.Priority}[table]
	return applier.Rule{Policy: policy, Regions: []string{"r2"}}
}

func (tornRules) Differ(string, string, string) string { return "" }

// cool has an applier let go of what is in memory.
func cool(t *testing.T, a *applier.Applier) {
	t.Helper()
	if err := a.Cool(); err != nil {
		t.Fatal(err)
	}
}

func torn(t *testing.T, seed uint64, crash, ruled bool) {
	s := newScript(t, seed, 50, true)
	if ruled {
		s.config = func(c *applier.Config) { c.Rules = tornRules{} }
	}
	last := s.d.end()
	reference := s.make()
	s.merge(reference, last)
	want := s.picture(reference)

	s.store = newMemory()
	rng := rand.New(rand.NewPCG(seed, 4))
	make := func() *applier.Applier {
		a := s.make()
		if seed%2 == 0 {
			a.ShortBlocks()
		}
		return a
	}
	a := make()
	for to := relay.LSN(0); to < last; {
		to = min(last, to+relay.LSN(1+rng.IntN(15)))
		s.merge(a, to)
		s.store.fail(rng.IntN(9))
		err := a.Checkpoint(t.Context())
		s.store.fail(-1)
		s.checkNeeds(a)
		if err != nil && !errors.Is(err, errStore) {
			t.Fatal(err)
		}
		if err == nil && rng.IntN(2) == 0 {
			cool(t, a)
		}
		if err != nil && crash {
			a = make()
			s.checkNeeds(a)
			to = a.Merged()
		}
	}
	if !crash {
		if err := a.Checkpoint(t.Context()); err != nil {
			t.Fatal(err)
		}
		a = make()
		s.checkNeeds(a)
	}
	s.merge(a, last)
	got := s.picture(a)
	if ruled || crash {
		// Rows that were saved ahead, or waited when the relay died, may be looked at once more than need be.
		for _, k := range reference.Snapshot().Repairs {
			if !slices.Contains(a.Snapshot().Repairs, k) {
				t.Errorf("%q does not wait for repair", k)
			}
		}
		got["repairs"] = want["repairs"]
	}
	s.compare(got, want)
}

// checkNeeds compares what an applier says it would read again with what one would that started now.
func (s *script) checkNeeds(a *applier.Applier) {
	s.t.Helper()
	fresh := s.make()
	lsn, received := a.Needs()
	if again, _ := fresh.Needs(); lsn > fresh.Merged()+1 || lsn > again || received[2] > fresh.Snapshot().Seen[2].Seq+1 {
		s.t.Fatalf("it needs %d and %v, but would go on after %d", lsn, received, fresh.Merged())
	}
}

// TestSpill finds again what has left memory, and images in pieces.
func TestSpill(t *testing.T) {
	s := newScript(t, 99, 60, true)
	last := s.d.end()
	a := s.make()
	s.merge(a, last)
	want := s.picture(a)
	if err := a.Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	cool(t, a)
	if n := a.Status().Index; n != len(want)-2 {
		t.Errorf("the index is said to have %d entries, it has %d", n, len(want)-2)
	}
	for range a.Versions(t.Context()) {
		t.Fatal("still in memory")
	}
	s.compare(s.picture(a), want)
	s.compare(s.picture(s.make()), want)
}

// TestForget drops what every region has seen, in memory and in the store.
func TestForget(t *testing.T) {
	for _, cold := range []bool{false, true} {
		t.Run(fmt.Sprintf("cool=%v", cold), func(t *testing.T) {
			s := newScript(t, 7, 60, false)
			a := s.make()
			s.merge(a, s.d.end())
			if err := a.Checkpoint(t.Context()); err != nil {
				t.Fatal(err)
			}
			if cold {
				cool(t, a)
			}
			clock := s.d.clock()
			all := relay.Vector{0, clock, clock}
			last := relay.Seq(s.log.Received(2).Last())
			s.d.localIn("app.t0", "row0||new") // not announced by anyone
			eventually(t, "the log", func() bool { return relay.LSN(s.log.Local().Last()) == s.d.end() })
			s.merge(a, s.d.end())
			a.Heard(2, relay.Heartbeat{Last: last, Promise: clock, Announced: all})
			if a.Status().Stable != clock {
				t.Fatalf("stable cut %d, should be %d", a.Status().Stable, clock)
			}
			if err := a.Forget(); err != nil {
				t.Fatal(err)
			}
			if err := a.Checkpoint(t.Context()); err != nil {
				t.Fatal(err)
			}
			if p := s.picture(a); len(p) != 3 {
				t.Errorf("still known: %.60q", slices.Collect(maps.Keys(p)))
			}
			for k := range s.store.pairs {
				if (k[0] == 'v' || k[0] == 'w' || k[0] == 'b') && !strings.Contains(k, "row0") {
					t.Errorf("still in the store: %q", k)
				}
			}
			if n := a.Status().Index; n != 1 {
				t.Errorf("the index is said to have %d entries", n)
			}
		})
	}
}

// TestManyTablesAndLongKeys saves what would not fit into one write.
func TestManyTablesAndLongKeys(t *testing.T) {
	s := &script{bed: newBed(t, 2)}
	pad, long := strings.Repeat("#", 1000), strings.Repeat("k", 3000)
	s.config = func(c *applier.Config) {
		c.Table = func(_ relay.Flavour, native []byte) (*relay.Table, error) {
			return padded(string(native[len(pad):]), pad), nil
		}
		c.Decoders = map[relay.Flavour]relay.Decoder{flavour: padding{pad}}
	}
	var old, wrote []string
	for i := range 1200 {
		table, id := fmt.Sprint("app.t", i), fmt.Sprint(i, long)
		s.d.localIn(table, id+"||x")
		old = append(old, line(table, "", id+"||old"))
		wrote = append(wrote, line(table, id+"||x", id+"||old"))
	}
	// An older transaction lands on top of all of them, so that all wait for repair.
	s.receive(2, 1, nil, old...)
	s.d.mu.Lock()
	s.d.record(relay.Applied, &relay.Mark{Origin: 2, Range: relay.Range{From: 1, To: 1}, HLC: 1}, strings.Join(wrote, ""))
	s.d.mu.Unlock()
	eventually(t, "the log", func() bool { return relay.LSN(s.log.Local().Last()) == s.d.end() })
	a := s.make()
	s.merge(a, s.d.end())
	if n := a.Status().Repairs; n != 1200 {
		t.Fatalf("%d rows wait for repair", n)
	}
	if err := a.Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	if again := s.make(); again.Status().Repairs != 1200 || again.Status().Index != 1200 || again.Merged() != a.Merged() {
		t.Fatalf("came back as %+v", again.Status())
	}
}

// TestManyForgotten removes more small registers than one write can take.
func TestManyForgotten(t *testing.T) {
	s := &script{bed: newBed(t, 2)}
	var rows []string
	for i := range 20_000 {
		rows = append(rows, fmt.Sprintf("%d||x", i))
	}
	s.d.local(rows...)
	eventually(t, "the log", func() bool { return s.log.Local().Last() == 1 })
	a := s.make()
	s.merge(a, 1)
	if err := a.Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	clock := s.d.clock()
	a.Heard(2, relay.Heartbeat{Promise: clock, Announced: relay.Vector{0, clock, clock}})
	if err := errors.Join(a.Forget(), a.Checkpoint(t.Context())); err != nil {
		t.Fatal(err)
	}
	if n := a.Status().Index; n != 0 {
		t.Fatalf("%d registers are left", n)
	}
}

// padding is a decoder of tables with long descriptions.
type padding struct{ pad string }

func (p padding) Changes(body relay.Body) iter.Seq2[relay.Change, error] {
	return func(yield func(relay.Change, error) bool) {
		for c, err := range (decoder{}).Changes(body) {
			if err == nil {
				c.Table = padded(c.Table.String(), p.pad)
			}
			if !yield(c, err) {
				return
			}
		}
	}
}

func padded(name, pad string) *relay.Table {
	t := tableOf(name)
	t.Native = []byte(pad + name)
	return t
}
