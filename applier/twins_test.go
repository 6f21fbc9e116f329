package applier_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/octant-db/octant/applier"
	"github.com/octant-db/octant/relay"
)

// trusting is a mixed target that takes the missing table to be there until it looks anew.
type trusting struct {
	mixed
	looked *atomic.Bool
}

func (r trusting) Refresh() {
	r.looked.Store(true)
	r.mixed.Refresh()
}

func (r trusting) Check(ctx context.Context, t *relay.Table) error {
	if !r.looked.Load() {
		return nil
	}
	return r.mixed.Check(ctx, t)
}

func (r trusting) Translate(ctx context.Context, changes []relay.Change) error {
	if r.looked.Load() {
		return r.mixed.Translate(ctx, changes)
	}
	for i := range changes {
		if c := &changes[i]; c.Table.Flavour == foreign {
			c.Table, c.Before, c.After = tableOf(c.Table.String()), owned(c.Before), owned(c.After)
		}
	}
	return nil
}

// TestARowHasOneLetter has a row be written twice while its table is missing, under its own key and under a provisional one: it has one letter, which shows the newer write, also after crashes,
// until the table is there.
func TestARowHasOneLetter(t *testing.T) {
	for name, writes := range map[string][2]string{
		"when its table goes":             {later("", "1||old"), later("1||old", "1||new")}, // the first one is found out with
		"of another engine, then of this": {later("", "1||old"), line("app.later", "1||old", "1||new")},
		"of this engine, then of another": {line("app.later", "", "1||old"), later("1||old", "1||new")},
	} {
		t.Run(name, func(t *testing.T) {
			b := newMixedBed(t, 2)
			looked := new(atomic.Bool)
			looked.Store(name != "when its table goes")
			b.config = func(c *applier.Config) { c.Target = trusting{mixed{b.target}, looked} }
			b.start()
			b.receive(2, now(), nil, writes[0])
			before := b.parked(1)[0]
			b.receive(2, now(), nil, writes[1])
			b.requireLetter(before.ID, "1||new")
			eventually(t, "the letter to be saved under both keys", func() bool { return b.store.count("l") == 2 })
			for _, end := range []func(){b.kill, b.halt, b.kill} {
				end()
				b.start()
				b.requireLetter(before.ID, "1||new")
			}
			if n := b.a.LetterCounts()[relay.MissingTable]; n != 1 {
				t.Errorf("%d letters are counted", n)
			}
			b.createLater()
			eventually(t, "the letter to go", func() bool { return len(b.letters()) == 0 })
			b.settle()
			b.requireTable("app.later", map[string]string{"1": "1||new"})
			eventually(t, "nothing to be kept of it", func() bool { return b.store.count("l") == 0 })
		})
	}
}

// requireLetter waits until there is one letter, the one with this number, about this row.
func (b *bed) requireLetter(id uint64, row string) {
	b.t.Helper()
	var list []relay.DeadLetter
	eventually(b.t, "the row to be owed as its newer write", func() bool {
		list = b.letters()
		return b.settled() && len(list) > 0 && list[0].State == "parked" && owes(list, row)
	})
	if len(list) != 1 || list[0].ID != id || list[0].Key != `{"id":"1"}` {
		b.t.Fatalf("letters %+v", list)
	}
}

func owes(list []relay.DeadLetter, row string) bool {
	for _, l := range list {
		if l.Row == `"`+row+`"` || l.Row == `"~`+row+`"` {
			return true
		}
	}
	return false
}

// TestALetterOfTwoKeysIsSkipped: under neither of them is the row tried again, whatever happens, until it is written again.
func TestALetterOfTwoKeysIsSkipped(t *testing.T) {
	for name, writes := range map[string][2]string{
		"the newer one is provisional": {line("app.later", "", "1||old"), later("1||old", "1||new")},
		"the older one is provisional": {later("", "1||old"), line("app.later", "1||old", "1||new")},
	} {
		t.Run(name, func(t *testing.T) {
			b := newMixedBed(t, 2)
			b.start()
			b.receive(2, now(), nil, writes[0])
			id := b.parked(1)[0].ID
			b.receive(2, now(), nil, writes[1])
			b.requireLetter(id, "1||new")
			if err := b.a.SkipLetter(t.Context(), id); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if err := b.a.RetryLetter(t.Context(), id); err == nil || !strings.Contains(err.Error(), "was skipped") {
					t.Fatalf("retried: %v", err)
				}
				b.requireSkipped(id)
				b.kill()
				b.start()
				b.requireSkipped(id)
			}
			b.createLater()
			b.receive(2, now(), nil, later("", "2||other"))
			eventually(t, "another row", func() bool { return b.d.row("app.later", "2") != "" })
			eventually(t, "no provisional key to be left", func() bool { return b.a.Checkpoint(t.Context()) == nil && b.store.count("v\x00\xfe") == 0 })
			b.requireSkipped(id)
			b.requireTable("app.later", map[string]string{"2": "2||other"})
			b.receive(2, now(), nil, later("1||new", "1||again"))
			eventually(t, "the letter to go", func() bool { return len(b.letters()) == 0 })
			b.converged()
		})
	}
}

// requireSkipped waits until nothing is owed but what the letter says, which is skipped.
func (b *bed) requireSkipped(id uint64) {
	b.t.Helper()
	eventually(b.t, "the skipped letter alone", func() bool { // another row's may be on its way out
		list := b.letters()
		return b.settled() && len(list) == 1 && list[0].ID == id && list[0].State == "skipped"
	})
}

// selfish is a mixed target with a table that is there for rows of its own engine alone: it has another primary key than the other engine's.
type selfish struct {
	mixed
	keys *atomic.Bool // the primary keys are the same
}

func (s selfish) Check(ctx context.Context, t *relay.Table) error {
	if t.Flavour == foreign && !s.keys.Load() {
		return rejection{Reason: relay.OtherDefinition, Table: t.String(), Whole: true}
	}
	return s.mixed.Check(ctx, t)
}

func (s selfish) Translate(ctx context.Context, changes []relay.Change) error {
	if !s.keys.Load() {
		return nil
	}
	return s.mixed.Translate(ctx, changes)
}

func (s selfish) Identify(ctx context.Context, t *relay.Table, images []relay.Image) ([]relay.Identity, error) {
	ids, err := s.mixed.Identify(ctx, t, images)
	for i := range ids {
		ids[i].Provisional = t.Flavour == foreign && !s.keys.Load()
	}
	return ids, err
}

// TestARowIsTriedUnderItsOwnKey: what can be written of a row with two keys is, and its letter stays for the other one.
func TestARowIsTriedUnderItsOwnKey(t *testing.T) {
	for name, c := range map[string]struct{ first, second, own, other string }{
		"which has the older write": {line("app.later", "", "1||old"), later("1||old", "1||new"), "1||old", "1||new"},
		"which has the newer write": {later("", "1||old"), line("app.later", "1||old", "1||new"), "1||new", "1||old"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newMixedBed(t, 2)
			same := new(atomic.Bool)
			b.config = func(c *applier.Config) { c.Target = selfish{mixed{b.target}, same} }
			b.start()
			b.receive(2, now(), nil, c.first)
			id := b.parked(1)[0].ID
			b.receive(2, now(), nil, c.second)
			b.requireLetter(id, "1||new")
			b.createLater()
			eventually(t, "the write under its own key", func() bool { return b.d.row("app.later", "1") == c.own })
			eventually(t, "the letter to be of the other one alone", func() bool { return b.settled() && b.store.count("l") == 1 })
			b.requireLetter(id, c.other)
			same.Store(true)
			eventually(t, "the letter to go", func() bool { return len(b.letters()) == 0 })
			b.settle()
			b.requireTable("app.later", map[string]string{"1": "1||new"})
		})
	}
}
