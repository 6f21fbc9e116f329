package applier_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/octant-db/octant/applier"
	"github.com/octant-db/octant/relay"
)

// foreign is another engine: its tables and the images of its rows have a tilde in front.
const foreign = relay.Flavour("foreign")

// owned is a row of another engine in the form of this one.
func owned(img relay.Image) relay.Image { return bytes.TrimPrefix(img, []byte("~")) }

// mixed is a target that takes rows of another engine. Without their table it does not know what they are called.
type mixed struct{ *target }

func (m mixed) missing(t *relay.Table) bool {
	m.d.mu.Lock()
	defer m.d.mu.Unlock()
	return m.d.missing[t.String()]
}

func (m mixed) Translate(_ context.Context, changes []relay.Change) error {
	for i := range changes {
		c := &changes[i]
		if c.Table.Flavour == foreign && !m.missing(c.Table) {
			c.Table, c.Before, c.After = tableOf(c.Table.String()), owned(c.Before), owned(c.After)
		}
	}
	return nil
}

func (m mixed) Unfit(ctx context.Context, t *relay.Table, _ relay.Image) error {
	return m.Check(ctx, t)
}

func (m mixed) Identify(ctx context.Context, t *relay.Table, images []relay.Image) ([]relay.Identity, error) {
	if t.Flavour != foreign || !m.missing(t) {
		return m.target.Identify(ctx, t, images)
	}
	list := make([]relay.Identity, len(images))
	for i, img := range images {
		list[i] = relay.Identity{Key: "named " + idOf(img), Provisional: true}
	}
	return list, nil
}

func gone(t *relay.Table) error {
	return rejection{Reason: relay.MissingTable, Table: t.String(), Whole: true}
}

func (m mixed) Check(_ context.Context, t *relay.Table) error {
	if m.missing(t) {
		return gone(t)
	}
	return nil
}

func (m mixed) Begin(ctx context.Context, mark relay.Mark) (relay.Tx, error) {
	x, err := m.target.Begin(ctx, mark)
	if err != nil {
		return nil, err
	}
	return mixedTx{x, m}, nil
}

type mixedTx struct {
	relay.Tx
	m mixed
}

func (x mixedTx) Write(ctx context.Context, writes []relay.Write) error {
	for _, w := range writes {
		if w.Table.Flavour == foreign {
			x.m.d.hook(func(d *database) { d.fault("a row was written that has a provisional key") })
		}
		if x.m.missing(w.Table) {
			return gone(w.Table)
		}
	}
	return x.Tx.Write(ctx, writes)
}

// newMixedBed is a region without the table app.later.
func newMixedBed(t testing.TB, origins ...relay.Region) *bed {
	b := newBed(t, origins...)
	b.config = func(c *applier.Config) { c.Target = mixed{b.target} }
	b.d.missing["app.later"] = true
	return b
}

func (b *bed) createLater() {
	b.d.hook(func(d *database) { delete(d.missing, "app.later"); d.named = true })
}

// later is a change to the table that is missing, by a region of the other engine.
func later(before, after string) string {
	tilde := func(row string) string {
		if row == "" {
			return ""
		}
		return "~" + row
	}
	return line("~app.later", tilde(before), tilde(after))
}

// TestRowsOfAMissingTableAreNamed has rows of another engine wait for their table, while everything else goes on. When it is there they stand as their last writes left them, those of
// this engine and the application's among them; values of a unique key that the table has are kept apart.
func TestRowsOfAMissingTableAreNamed(t *testing.T) {
	b := newMixedBed(t, 2, 3)
	b.start()
	b.settle()
	first := now()
	b.receive(2, first, nil, later("", "1|u|x"), later("", "2||x"), later("", "3||x"), later("", "5||x"), insert("beside||x"))
	b.receive(3, first+10, nil, line("app.later", "", "4|u|own"), line("app.later", "", "3||own"))
	b.receive(2, first+20, nil, later("2||x", "6||moved"), later("5||x", ""))
	list := b.parked(6) // 3 has one letter and two names; 2 and 6 are one row's
	for _, l := range list {
		if l.Reason != relay.MissingTable || l.Table != "app.later" {
			t.Errorf("letter %+v", l)
		}
	}
	if b.d.row("app.t", "beside") == "" {
		t.Error("another table does not go on")
	}
	if err := b.a.RetryLetter(t.Context(), list[0].ID); err == nil || !strings.Contains(err.Error(), "missing_table") {
		t.Errorf("retried in vain: %v", err)
	}
	b.d.hook(func(d *database) {
		delete(d.missing, "app.later")
		d.localLocked("app.later", "2||application's", "7||application's") // before anybody is named
	})
	eventually(t, "the letters to go", func() bool { return len(b.letters()) == 0 })
	b.requireTable("app.later", map[string]string{"2": "2||application's", "3": "3||own", "4": "4|u|own", "6": "6||moved", "7": "7||application's"})
	b.receive(3, now()+1e6, nil, line("app.later", "4|u|own", "")) // what was hidden by its unique value
	b.converged()
}

// sudden has a table made after rows were brought into the local form, and before they are told apart.
type sudden struct {
	mixed
	make *sync.Once
}

func (s sudden) Identify(ctx context.Context, t *relay.Table, images []relay.Image) ([]relay.Identity, error) {
	if t.Flavour == foreign {
		s.make.Do(func() { s.d.hook(func(d *database) { delete(d.missing, "app.later") }) })
	}
	return s.mixed.Identify(ctx, t, images)
}

// TestTableIsMadeWhileItsRowsAreRead: rows that have keys of their own have the form of their table as well.
func TestTableIsMadeWhileItsRowsAreRead(t *testing.T) {
	b := newMixedBed(t, 2)
	b.config = func(c *applier.Config) { c.Target = sudden{mixed{b.target}, new(sync.Once)} }
	b.start()
	b.receive(2, now(), nil, later("", "1||x"), insert("beside||x"), later("", "2||y"))
	b.settle()
	b.requireTable("app.later", map[string]string{"1": "1||x", "2": "2||y"})
}

// TestEmptyingAMissingTable takes what its author had seen from rows that wait for their table, and nothing else.
func TestEmptyingAMissingTable(t *testing.T) {
	b := newMixedBed(t, 2, 3)
	b.start()
	b.settle()
	first := now()
	b.receive(2, first, nil, later("", "1||seen"))
	b.receive(3, first+10, nil, later("", "2||not seen"))
	b.parked(2)
	b.receive(2, first+20, relay.Vector{}, truncate("app.later"))
	b.settle()
	b.createLater()
	eventually(t, "the letters to go", func() bool { return len(b.letters()) == 0 })
	b.requireTable("app.later", map[string]string{"2": "2||not seen"})
}

// TestNamingSurvives fails the Store at each of its writes while rows are named, and kills the applier: nothing is lost, and what was skipped stays so.
func TestNamingSurvives(t *testing.T) {
	for left := range 9 {
		t.Run(fmt.Sprint(left), func(t *testing.T) {
			t.Parallel()
			b := newMixedBed(t, 2, 3)
			b.start()
			for i := range 20 {
				b.receive(2, now(), nil, later("", fmt.Sprintf("%d||x", i)))
				b.receive(3, now(), nil, later("", fmt.Sprintf("%d||y", i+10)))
			}
			list := b.parked(30)
			skipped := list[slices.IndexFunc(list, func(l relay.DeadLetter) bool { return l.Key == `{"id":"0"}` })]
			if err := b.a.SkipLetter(t.Context(), skipped.ID); err != nil {
				t.Fatal(err)
			}
			if err := b.a.Checkpoint(t.Context()); err != nil {
				t.Fatal(err)
			}
			eventually(t, "the letters to be saved", func() bool { return b.store.count("l") == 30 })
			cool(t, b.a)
			b.store.fail(left)
			b.createLater()
			eventually(t, "rows to be written, or the Store to have failed", func() bool { return b.d.row("app.later", "29") != "" || b.store.failed() })
			b.kill()
			b.start()
			b.d.localIn("app.later", "5||application's")
			b.receive(2, now()+1e6, nil, later("7||x", ""))
			eventually(t, "one skipped letter", func() bool {
				l := b.letters()
				return len(l) == 1 && l[0].State == "skipped" && l[0].Key == skipped.Key && b.settled()
			})
			want := map[string]string{"5": "5||application's"}
			for i := range 30 {
				id := fmt.Sprint(i)
				switch {
				case i == 0 || i == 7 || i == 5:
				case i < 20:
					want[id] = id + "||x"
				default:
					want[id] = id + "||y"
				}
			}
			b.requireTable("app.later", want)
			if n := b.store.count("v\x00\xfe"); n > 0 {
				eventually(t, "no provisional key to be left", func() bool { return b.a.Checkpoint(t.Context()) == nil && b.store.count("v\x00\xfe") == 0 })
			}
		})
	}
}

// TestMissingTableInAStorm has regions of both engines write to a few rows of a table that comes late, while the applier is killed again and again.
func TestMissingTableInAStorm(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			rng := rand.New(rand.NewPCG(seed, 9))
			b := newMixedBed(t, 2, 3)
			configure := b.config
			b.config = func(c *applier.Config) { configure(c); c.BatchRows, c.HugeBytes = 6, 2000 }
			b.start()
			for i := range 200 {
				switch n := rng.IntN(20); {
				case n == 0:
					b.disturb(rng)
				case n == 1:
					if err := b.a.Checkpoint(t.Context()); err != nil {
						t.Fatal(err)
					}
					cool(t, b.a)
				case n < 5 && i > 100:
					b.d.localIn("app.later", randomRow(rng, i))
				case n < 8:
					b.receive(3, b.after(3, rng), nil, line("app.later", "", fmt.Sprintf("%d|u%d|own %d", rng.IntN(12), rng.IntN(4), i)))
				default:
					b.receiveLater(rng, i)
				}
				if i == 100 {
					b.createLater()
				}
			}
			eventually(t, "the letters to go", func() bool { return len(b.letters()) == 0 && b.settled() && len(b.letters()) == 0 })
			b.uniquely()
		})
	}
}

// after is a clock of an origin that rises, and may be a little behind.
func (b *bed) after(origin relay.Region, rng *rand.Rand) relay.HLC {
	clock := now() - relay.HLC(rng.IntN(2000))
	if last := b.log.Received(origin).Last(); last > 0 {
		t, _, err := b.log.Received(origin).Transaction(relay.Seq(last))
		if err != nil {
			b.t.Fatal(err)
		}
		clock = max(clock, t.HLC+1)
	}
	return clock
}

func (b *bed) receiveLater(rng *rand.Rand, i int) {
	var rows []string
	for range 1 + rng.IntN(60)*rng.IntN(2) {
		id := rng.IntN(12)
		before, after := fmt.Sprintf("%d||before", id), fmt.Sprintf("%d||from %d", id, i)
		switch rng.IntN(4) {
		case 0:
			rows = append(rows, later(before, ""))
		case 1:
			rows = append(rows, later(before, fmt.Sprintf("%d||moved %d", rng.IntN(12), i)))
		default:
			rows = append(rows, later("", after))
		}
	}
	origin := relay.Region(2 + rng.IntN(2))
	b.receive(origin, b.after(origin, rng), nil, rows...)
}

// uniquely compares app.later with the fold; of rows that share a unique value the newest stands.
func (b *bed) uniquely() {
	b.t.Helper()
	b.settle()
	want := b.fold()
	b.d.mu.Lock()
	defer b.d.mu.Unlock()
	taken := make(map[string]bool)
	for id, row := range b.d.tables["app.later"] {
		if want["app.later/"+id] != row {
			b.t.Errorf("%s is %.60q, should be %.60q", id, row, want["app.later/"+id])
		}
		taken[uniqueOf(relay.Image(row))] = true
	}
	for k, row := range want {
		if u := uniqueOf(relay.Image(row)); b.d.tables["app.later"][strings.TrimPrefix(k, "app.later/")] == "" && (u == "" || !taken[u]) {
			b.t.Errorf("%s is missing, should be %.60q", k, row)
		}
	}
}
