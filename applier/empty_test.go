package applier_test

import (
	"maps"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/octant-db/octant/applier"
	"github.com/octant-db/octant/conflict"
	"github.com/octant-db/octant/relay"
)

// requireRows demands what app.t holds once all has settled.
func (b *bed) requireRows(want map[string]string) {
	b.t.Helper()
	b.requireTable("app.t", want)
}

func (b *bed) requireTable(name string, want map[string]string) {
	b.t.Helper()
	b.settle()
	b.d.mu.Lock()
	defer b.d.mu.Unlock()
	if !maps.Equal(b.d.tables[name], want) {
		b.t.Errorf("%s holds %v, want %v", name, b.d.tables[name], want)
	}
}

// Of a table that is emptied those rows stay that the statement's author had not seen; they are written again. The index is on disk, and the relay
// dies between the statement and its mark.
func TestEmptiedTableKeepsWhatWasNotSeen(t *testing.T) {
	b := newBed(t, 2, 3)
	var ran, dead atomic.Int64
	b.d.onDefine = func(relay.Transaction, string) error { ran.Add(1); return nil }
	b.d.onCommit = func(m relay.Mark) error {
		if m.Origin == 2 && m.Range.To == 2 && dead.Load() == 0 {
			return errGone
		}
		return nil
	}
	b.start()
	first := now()
	b.receive(2, first, nil, insert("1||of 2"), insert("2||of 2"))
	b.d.local("3||seen")
	b.settle()
	seen := b.d.clock()
	b.d.local("4||not seen")
	b.receive(3, first+5, nil, insert("5||not seen"))
	b.settle()
	if err := b.a.Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	cool(t, b.a)
	b.receive(2, seen+1e6, relay.Vector{0, seen, 0, first + 4}, truncate("app.t"))
	b.receive(2, seen+2e6, nil, insert("1||again"))
	eventually(t, "the statement to run", func() bool { return ran.Load() > 0 })
	b.kill()
	dead.Add(1)
	b.start()
	b.requireRows(map[string]string{"1": "1||again", "4": "4||not seen", "5": "5||not seen"})
	if n := ran.Load(); n < 2 {
		t.Errorf("ran %d times", n)
	}
	b.kill()
	b.start() // what the mark covers is read from the log again
	b.settle()
	b.requireKnown("2", false)
	b.requireKnown("4", true)
}

// requireKnown demands that the version index knows a row, and whether it stands.
func (b *bed) requireKnown(id string, stands bool) {
	b.t.Helper()
	r, known, err := b.a.Register(conflict.Key("app.t\x00" + id))
	if err != nil || !known || r.Row.Exists() != stands {
		b.t.Errorf("row %s: %+v, known %v (%v)", id, r, known, err)
	}
}

// The statement waits for what its author had seen.
func TestEmptyingWaits(t *testing.T) {
	b := newBed(t, 2, 3)
	var ran atomic.Int64
	b.d.onDefine = func(relay.Transaction, string) error { ran.Add(1); return nil }
	b.start()
	at := now()
	b.receive(2, at, relay.Vector{0, 0, 0, at - 10}, truncate("app.t"))
	b.receive(3, at-20, nil, insert("2||seen"))
	eventually(t, "row 2", func() bool { return b.d.row("app.t", "2") != "" })
	if ran.Load() != 0 {
		t.Error("it has not waited for all")
	}
	b.receive(3, at-10, nil, insert("1||seen"))
	b.requireRows(map[string]string{})
}

// What was emptied here is gone for the rows' registers too: an older write that comes late does not come back, a newer one does.
func TestEmptiedHere(t *testing.T) {
	b := newBed(t, 2).start()
	b.d.local("1||a", "2||a")
	b.settle()
	clock := b.d.clock()
	b.d.hook(func(d *database) {
		clear(d.tables["app.t"])
		d.record(relay.Local, nil, truncate("app.t"))
	})
	b.settle()
	b.requireKnown("1", false)
	b.receive(2, clock-1000, nil, insert("1||older"))
	b.receive(2, clock+1e6, nil, update("2||z", "2||newer"))
	b.requireRows(map[string]string{"2": "2||newer"})
}

// rejected has every table reject.
type rejected struct{ tornRules }

func (rejected) Of(string, string) applier.Rule { return tornRules{}.Of("", "t0") }

// Under other policies a table is not emptied because another region's was. Both regions say so.
func TestEmptyingIsLeft(t *testing.T) {
	b := newBed(t, 2)
	b.config = func(c *applier.Config) { c.Rules = rejected{} }
	b.d.onDefine = func(relay.Transaction, string) error { t.Error("it was run"); return nil }
	b.start()
	b.receive(2, now(), nil, insert("1||x"))
	b.receive(2, now(), nil, truncate("app.t"))
	b.requireRows(map[string]string{"1": "1||x"})
	if p, is := b.problem("ddl_left"); !is || !strings.Contains(p.Detail, "reject") {
		t.Errorf("%+v", p)
	}
	b.d.hook(func(d *database) { d.record(relay.Local, nil, truncate("app.t")) })
	b.settle()
	if p, is := b.problem("truncate"); !is || !strings.Contains(p.Detail, "reject") || p.Remedy == "" {
		t.Errorf("%+v", p)
	}
}
