package applier_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/octant-db/octant/applier"
	"github.com/octant-db/octant/conflict"
	"github.com/octant-db/octant/relay"
)

// otherwise are ways in which a database does something else than was planned, in the transactions that carry others' writes.
var otherwise = []struct {
	name string
	does func(d *database) func(native string) string
}{
	{"an inserted value is another one", func(d *database) func(string) string {
		return func(native string) string {
			d.tables["app.t"]["1"] = "1||cut"
			return strings.Replace(native, "1||as it was written", "1||cut", 1)
		}
	}},
	{"an updated value is another one", func(d *database) func(string) string {
		return func(native string) string {
			d.tables["app.t"]["3"] = "3||cut"
			return strings.Replace(native, "3||too", "3||cut", 1)
		}
	}},
	{"a row is left out", func(d *database) func(string) string {
		return func(native string) string {
			d.tables["app.t"]["3"] = "3||before"
			return strings.Replace(native, update("3||before", "3||too"), "", 1)
		}
	}},
	{"a row is there besides", func(d *database) func(string) string {
		return func(native string) string { return native + d.set("app.t", "77", "77||a trigger's") }
	}},
	{"a row is given another key", func(d *database) func(string) string {
		return func(native string) string {
			delete(d.tables["app.t"], "1")
			d.tables["app.t"]["78"] = "78||as it was written"
			return strings.Replace(native, "1||as it was written", "78||as it was written", 1)
		}
	}},
}

// TestWhatWasNotIntendedIsMended has the database do something else than the relay wrote. The log shows it, and it is mended.
func TestWhatWasNotIntendedIsMended(t *testing.T) {
	for _, c := range otherwise {
		t.Run(c.name, func(t *testing.T) {
			b := newBed(t, 2)
			does, done := c.does(b.d), false
			b.d.logs = func(m relay.Mark, native string) string {
				if done || !strings.Contains(native, "1||as it was written") {
					return native
				}
				done = true
				return does(native)
			}
			b.start()
			b.receive(2, now(), nil, insert("3||before"))
			b.settle()
			b.receive(2, now(), nil, insert("1||as it was written"), update("3||before", "3||too"))
			b.converged()
			if !done {
				t.Error("the database did what was intended")
			}
		})
	}
}

// TestWhatStoodOtherwiseIsRead has a row be otherwise than the plan took it for, though what becomes of it is as planned.
func TestWhatStoodOtherwiseIsRead(t *testing.T) {
	for what, c := range map[string]struct {
		native string
		images int64
	}{
		"update": {update("1||a", "1||b"), 2},
		"delete": {remove("1||a"), 1},
	} {
		t.Run(what, func(t *testing.T) {
			b := newBed(t, 2).start()
			b.receive(2, now(), nil, insert("1||a"))
			b.settle()
			b.d.hook(func(d *database) { d.tables["app.t"]["1"] = "1||in no log" })
			identified := b.target.identified.Load()
			b.receive(2, now(), nil, c.native)
			b.converged()
			if n := b.target.identified.Load() - identified; n != 2*c.images {
				t.Errorf("%d images were identified, want those that came and those of the log: %d", n, 2*c.images)
			}
		})
	}
}

// TestIntendedRowsAreIdentifiedOnce counts what the database's rules of equality are asked for.
func TestIntendedRowsAreIdentifiedOnce(t *testing.T) {
	b := newBed(t, 2).start()
	var native []string
	for i := range 20 {
		native = append(native, insert(fmt.Sprintf("%d||a", i)))
	}
	b.receive(2, now(), nil, native...)
	b.settle()
	b.receive(2, now(), nil, update("1||a", "1||b"), remove("2||a"), insert("20||b"), update("3||a", "3||b"))
	b.converged()
	if n := b.target.identified.Load(); n != 20+6 {
		t.Errorf("%d images were identified, want each that came once: 26", n)
	}
}

// TestIntendedRowsAreKnownInAnyOrder has rows that are changed more than once, and a database that writes them in another order and does not log what stood before an update.
func TestIntendedRowsAreKnownInAnyOrder(t *testing.T) {
	b := newBed(t, 2)
	b.d.logs = func(_ relay.Mark, native string) string {
		lines := slices.Collect(strings.Lines(native))
		slices.Reverse(lines)
		for i, l := range lines {
			if f := strings.Split(l, "\t"); f[1] != "" && f[2] != "\n" {
				lines[i] = line(f[0], stayed, strings.TrimSuffix(f[2], "\n"))
			}
		}
		return strings.Join(lines, "")
	}
	b.start()
	var native []string
	for i := range 20 {
		native = append(native, insert(fmt.Sprintf("%d||a", i)))
	}
	b.receive(2, now(), nil, append(native, remove("1||a"), insert("1||b"), update("2||a", "2||b"), update("2||b", "2||c"))...)
	b.settle()
	b.receive(2, now(), nil, update("1||b", "1||c"), remove("3||a"), insert("3||b"), remove("4||a"), update("5||a", "5||b"), remove("6||a"))
	b.converged()
	if n := b.target.identified.Load(); n != 20+6+8 {
		t.Errorf("%d images were identified, want each that came once: 34", n)
	}
}

// TestRowsRedefinedBeforeTheyArePlannedAreRead is the same for rows that wait for their turn meanwhile, not decided yet.
func TestRowsRedefinedBeforeTheyArePlannedAreRead(t *testing.T) {
	b, proceed := newBed(t, 2), make(chan struct{})
	b.d.onWrite = func(ctx context.Context, m relay.Mark) error {
		select {
		case <-proceed:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	b.start()
	const rows = applier.DefaultLanes + 1
	for i := range rows {
		b.receive(2, now(), nil, insert(fmt.Sprintf("%d||v%d", i, i)))
		eventually(t, "the row to be identified", func() bool { return b.target.identified.Load() == int64(i+1) })
		if i < applier.DefaultLanes {
			eventually(t, "its flight", func() bool { return b.a.Status().Pending == i+1 })
		}
	}
	b.target.keyed.Store(true)
	b.d.mu.Lock()
	b.d.record(relay.Local, nil, define("app.t", ""))
	lsn := b.d.state.LSN
	b.d.mu.Unlock()
	eventually(t, "the definition to be merged", func() bool { return b.a.Merged() == lsn })
	close(proceed)
	b.converged()
	for i := range rows {
		b.requireKeyed(conflict.Key(fmt.Sprintf("app.t\x00%d", i)))
	}
}

func (b *bed) requireKeyed(k conflict.Key) {
	b.t.Helper()
	reg, known, err := b.a.Register(k)
	if err != nil || !known || len(reg.Row.Unique) != 1 {
		b.t.Errorf("the register of %q has %v, %v, %v; want the row's value in the key that the table has gained", k, reg.Row.Unique, known, err)
	}
}

// TestRedefinedRowsAreRead has rows mean something else between the time that they were identified and that the log shows them: the table has gained a unique key.
func TestRedefinedRowsAreRead(t *testing.T) {
	b := newBed(t, 2)
	b.start()
	b.settle()
	gained := false
	b.d.hook(func(d *database) {
		d.onCommit = func(m relay.Mark) error {
			if gained || m.Repair() {
				return nil
			}
			gained = true
			b.target.keyed.Store(true)
			d.mu.Lock()
			defer d.mu.Unlock()
			d.record(relay.Local, nil, define("app.t", ""))
			return nil
		}
	})
	b.receive(2, now(), nil, insert("1||value"))
	b.converged()
	b.requireKeyed("app.t\x001")
}
