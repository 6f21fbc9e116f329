package applier_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/octant-db/octant/applier"
	"github.com/octant-db/octant/relay"
)

// check refuses rows that hold a word, as a CHECK would.
func check(word string) func(table, row string) error {
	return func(table, row string) error {
		if strings.Contains(row, word) {
			return rejection{Reason: relay.CheckViolated, Table: table}
		}
		return nil
	}
}

// without is a database without a table.
func without(name string) func(table, row string) error {
	return func(table, _ string) error {
		if table == name {
			return rejection{Reason: relay.MissingTable, Table: table, Whole: true}
		}
		return nil
	}
}

func (b *bed) letters() []relay.DeadLetter {
	b.t.Helper()
	var list []relay.DeadLetter
	for l, err := range b.a.DeadLetters(b.t.Context()) {
		if err != nil {
			b.t.Fatal(err)
		}
		list = append(list, l)
	}
	return list
}

// parked waits until as many letters are parked, and everything else is settled.
func (b *bed) parked(n int) []relay.DeadLetter {
	b.t.Helper()
	var list []relay.DeadLetter
	eventually(b.t, fmt.Sprintf("%d parked letters", n), func() bool {
		if !b.settled() {
			return false
		}
		list = b.letters()
		for _, l := range list {
			if l.State != "parked" {
				return false
			}
		}
		return len(list) == n
	})
	return list
}

func (b *bed) mend() { b.d.hook(func(d *database) { d.refuses = nil }) }

// TestRefusedRows leaves rows out that a CHECK refuses; the rest of their transactions and batches goes on, each exactly once, and the mark
// covers them all. Once the CHECK is gone the rows come by themselves.
func TestRefusedRows(t *testing.T) {
	for _, refused := range []int{1, 7, 60} {
		t.Run(fmt.Sprint(refused), func(t *testing.T) {
			b := newBed(t, 2)
			b.d.refuses = check("bad")
			b.start()
			b.settle()
			b.a.Pause(2, true)
			for i := range 60 {
				v := "good"
				if i%(60/refused) == 0 && i/(60/refused) < refused {
					v = "bad"
				}
				b.receive(2, now(), nil, insert(fmt.Sprintf("a%d||good", i)), insert(fmt.Sprintf("b%d||%s", i, v)))
			}
			b.a.Pause(2, false)
			list := b.parked(refused)
			l := list[slices.IndexFunc(list, func(l relay.DeadLetter) bool { return l.Key == `{"id":"b0"}` })]
			if l.Reason != relay.CheckViolated || l.Table != "app.t" || l.Row != `"b0||bad"` ||
				l.Region != 2 || l.Attempts == 0 || l.ID == 0 || !strings.Contains(l.Detail, "check") || l.Next.IsZero() {
				t.Errorf("letter %+v", l)
			}
			if n := b.a.LetterCounts()[relay.CheckViolated]; n != refused {
				t.Errorf("counts %d", n)
			}
			b.d.mu.Lock()
			there := len(b.d.tables["app.t"])
			b.d.mu.Unlock()
			if there != 120-refused {
				t.Fatalf("%d rows are there", there)
			}
			if _, told := b.problem("dead_letter"); !told {
				t.Error("nothing is reported")
			}
			b.mend()
			eventually(t, "the letters to go", func() bool { return len(b.letters()) == 0 })
			b.converged()
		})
	}
}

// TestRefusedTable leaves a whole table out, lets everything else go on, and tries one row now and then.
func TestRefusedTable(t *testing.T) {
	b := newBed(t, 2, 3)
	b.d.refuses = without("app.later")
	b.start()
	for i := range 40 {
		b.receive(2, now(), nil, line("app.later", "", fmt.Sprintf("%d||x", i)), insert(fmt.Sprintf("%d||x", i)))
		b.receive(3, now(), nil, line("app.later", "", fmt.Sprintf("%d||y", i)))
	}
	list := b.parked(40)
	if list[7].Reason != relay.MissingTable || b.d.row("app.t", "39") == "" {
		t.Fatalf("letter %+v", list[7])
	}
	if tables := b.a.Tables(); tables[0].Name != "later" || tables[0].State != "held" || tables[0].Reason == "" {
		t.Fatalf("tables %+v", tables)
	}
	b.mend()
	eventually(t, "the letters to go", func() bool { return len(b.letters()) == 0 })
	b.converged()
	if tables := b.a.Tables(); tables[0].State != "replicated" {
		t.Fatalf("tables %+v", tables)
	}
}

// TestATableIsTriedByOneRow: while a table refuses all rows, one of them is tried now and then, and the others are let go of when it is taken. Who asks sees why,
// and who wants to know is told when it begins and ends.
func TestATableIsTriedByOneRow(t *testing.T) {
	const rows = 40
	b := newBed(t, 2)
	events := make(chan relay.Event, 1000)
	b.config = func(c *applier.Config) {
		c.Notify = func(e relay.Event) {
			if e.Kind == relay.BreakerEvent {
				events <- e
			}
		}
	}
	var tried atomic.Int64
	refuse := without("app.later")
	b.d.refuses = func(table, row string) error {
		if table == "app.later" {
			tried.Add(1)
		}
		return refuse(table, row)
	}
	b.start()
	for i := range rows {
		b.receive(2, now(), nil, line("app.later", "", fmt.Sprintf("%d||x", i)))
	}
	b.parked(rows)
	table := func() relay.BreakerStatus {
		for _, s := range b.a.Breakers() {
			if s.Scope == "table" {
				return s
			}
		}
		return relay.BreakerStatus{}
	}
	attempts := func() (n uint64) { // of all rows
		for _, l := range b.letters() {
			n += l.Attempts
		}
		return n
	}
	before, began, asked := table(), tried.Load(), attempts()
	if before.Subject != "app.later" || before.State == "closed" || before.Reason == "" {
		t.Fatalf("breaker %+v", before)
	}
	if e := <-events; e.Subject != "app.later" || e.Fields["scope"] != "table" || e.Fields["state"] != "open" || e.Detail == "" {
		t.Fatalf("told of %+v", e)
	}
	eventually(t, "three more attempts", func() bool { return table().Failures >= before.Failures+3 })
	n, probes := tried.Load()-began, attempts()-asked
	if failed := table().Failures - before.Failures + 1; n > int64(8*failed) || probes > uint64(failed) {
		t.Errorf("%d rows were tried, by %d probes, in %d attempts", n, probes, failed)
	}
	b.mend()
	eventually(t, "the letters to go", func() bool { return len(b.letters()) == 0 })
	b.converged()
	if s := table(); s.State != "" {
		t.Errorf("breaker %+v", s)
	}
	if e := <-events; e.Subject != "app.later" || e.Fields["state"] != "closed" {
		t.Fatalf("told of %+v", e)
	}
}

// TestARowIsTriedMoreAndMoreSeldom: a row that is refused has a breaker of its own, which says why, and each pause is longer.
func TestARowIsTriedMoreAndMoreSeldom(t *testing.T) {
	b := newBed(t, 2)
	b.d.refuses = check("bad")
	b.start()
	b.receive(2, now(), nil, insert("1||bad"))
	b.parked(1)
	row := func(failures int) (s relay.BreakerStatus) {
		eventually(t, "attempts", func() bool {
			list := b.a.Breakers()
			if len(list) == 1 && list[0].State == "open" && list[0].Failures >= failures {
				s = list[0]
			}
			return s.Failures > 0
		})
		return s
	}
	first := row(1)
	if first.Scope != "row" || first.Subject != `app.t {"id":"1"}` || !strings.Contains(first.Reason, "check") {
		t.Fatalf("breaker %+v", first)
	}
	later := row(first.Failures + 2)
	if was, is := first.Next.Sub(first.Since), later.Next.Sub(later.Since); is < 2*was {
		t.Errorf("left alone for %v, and for %v later", was, is)
	}
	b.mend()
	eventually(t, "the breaker to close", func() bool { return len(b.a.Breakers()) == 0 })
	b.converged()
}

// TestLetterIsSuperseded has a later write of the row take the letter's place: one from another region, one from here, and one that is
// refused as well.
func TestLetterIsSuperseded(t *testing.T) {
	b := newBed(t, 2)
	b.d.refuses = check("bad")
	b.start()
	b.receive(2, now(), nil, insert("1||bad"), insert("2||bad"), insert("3||bad"))
	b.parked(3)
	b.receive(2, now(), nil, update("1||bad", "1||fits"), update("3||bad", "3||bad too"))
	b.d.local("2||local")
	eventually(t, "the letters of rows that fit now to go", func() bool { return len(b.letters()) == 1 })
	if l := b.parked(1)[0]; l.Row != `"3||bad too"` || l.Attempts < 2 {
		t.Fatalf("letter %+v", l)
	}
	if b.d.row("app.t", "1") != "1||fits" || b.d.row("app.t", "2") != "2||local" {
		t.Fatal("the later writes do not stand")
	}
	b.receive(2, now(), nil, remove("3||bad too"))
	eventually(t, "the last letter to go", func() bool { return len(b.letters()) == 0 })
	b.converged()
}

// TestLettersSurvive restarts and kills the applier: the letters are the same, and in the end all rows are there.
func TestLettersSurvive(t *testing.T) {
	b := newBed(t, 2)
	b.d.refuses = check("bad")
	b.start()
	for i := range 5 {
		b.receive(2, now(), nil, insert(fmt.Sprintf("%d||bad", i)))
	}
	before := b.parked(5)
	eventually(t, "the letters to be saved", func() bool { return b.store.count("l") == 5 })
	for _, end := range []func(){b.kill, b.halt, b.kill, b.kill, b.halt} {
		end()
		b.start()
		for i, l := range b.parked(5) {
			if was := before[i]; l.ID != was.ID || l.Key != was.Key || l.Row != was.Row || l.Version != was.Version {
				t.Fatalf("letter %+v was %+v", l, was)
			}
		}
	}
	b.halt()
	b.mend()
	b.start()
	eventually(t, "the letters to go", func() bool { return len(b.letters()) == 0 })
	b.converged()
}

// patient is a clock that tells when somebody waits for a letter's row.
type patient struct {
	hurried
	waits chan<- struct{}
}

func (c patient) After(d time.Duration) <-chan time.Time {
	if d != applier.RowPatience {
		return c.hurried.After(d)
	}
	close(c.waits)
	return nil
}

// TestALetterIsEditedBeforeTheLogShowsItsRow: the rest of its transaction is not there yet.
func TestALetterIsEditedBeforeTheLogShowsItsRow(t *testing.T) {
	b, waits := newBed(t, 2), make(chan struct{})
	b.config = func(c *applier.Config) { c.Clock = patient{b.clock, waits} }
	b.d.lazy, b.d.refuses = true, check("bad")
	b.start()
	b.receive(2, now(), nil, insert("1||bad"), insert("2||good"))
	eventually(t, "the letter", func() bool { return len(b.letters()) == 1 })
	edited := make(chan error)
	go func() { edited <- b.a.EditLetter(t.Context(), b.letters()[0].ID, "1||edited") }()
	<-waits
	b.d.hook((*database).show)
	if err := <-edited; err != nil {
		t.Fatal(err)
	}
	b.settle()
	b.requireRows(map[string]string{"1": "1||edited", "2": "2||good"})
}

// TestSteerLetters retries in vain and with success, skips and edits.
func TestSteerLetters(t *testing.T) {
	b := newBed(t, 2)
	b.d.refuses = check("bad")
	b.start()
	b.receive(2, now(), nil, insert("3||good"))
	b.settle()
	b.receive(2, now(), nil, insert("1||bad"), insert("2||bad"), update("3||good", "3||bad"), insert("4||bad"))
	list := b.parked(4)
	ctx := t.Context()
	if err := b.a.RetryLetter(ctx, list[0].ID); err == nil || !strings.Contains(err.Error(), "refused again") {
		t.Fatalf("retried: %v", err)
	}
	if err := b.a.EditLetter(ctx, list[1].ID, "2||edited"); err != nil {
		t.Fatal(err)
	}
	if err := b.a.EditLetter(ctx, list[2].ID, ""); err != nil {
		t.Fatal(err)
	}
	if err := b.a.SkipLetter(ctx, list[3].ID); err != nil {
		t.Fatal(err)
	}
	for _, steer := range []func(context.Context, uint64) error{b.a.RetryLetter, b.a.SkipLetter} {
		if err := steer(ctx, 99); !errors.Is(err, relay.ErrNotFound) {
			t.Fatalf("no such letter: %v", err)
		}
	}
	b.d.hook(func(d *database) { d.refuses = check("4||bad") })
	if err := b.a.RetryLetter(ctx, list[0].ID); err != nil {
		t.Fatal(err)
	}
	for _, end := range []func(){func() {}, b.kill, b.halt} {
		end()
		if b.cancel == nil {
			b.start()
		}
		eventually(t, "one skipped letter", func() bool {
			l := b.letters()
			return len(l) == 1 && l[0].State == "skipped" && l[0].ID == list[3].ID && b.settled()
		})
	}
	if n := len(b.a.LetterCounts()); n != 0 {
		t.Fatal("a skipped letter is counted")
	}
	for id, want := range map[string]string{"1": "1||bad", "2": "2||edited", "3": "", "4": ""} {
		if got := b.d.row("app.t", id); got != want {
			t.Errorf("row %s is %q, want %q", id, got, want)
		}
	}
	b.mend()
	b.receive(2, now(), nil, update("4||bad", "4||again"))
	eventually(t, "the skipped letter to go", func() bool { return len(b.letters()) == 0 })
	if b.settle(); b.d.row("app.t", "4") != "4||again" {
		t.Fatal("a row that was skipped is not written again")
	}
}

// TestASkippedLetterSeesTheNextWrite, although nothing is known of its row by then, and nothing of that write needs to be. Afterwards nothing is kept for it.
func TestASkippedLetterSeesTheNextWrite(t *testing.T) {
	b := newBed(t, 2)
	b.d.refuses = check("bad")
	b.start()
	b.receive(2, now(), nil, insert("1||bad"))
	if err := b.a.SkipLetter(t.Context(), b.parked(1)[0].ID); err != nil {
		t.Fatal(err)
	}
	forgotten := func() bool {
		keys, err := b.a.Known()
		return err == nil && b.a.Checkpoint(t.Context()) == nil && len(keys) == 0
	}
	eventually(t, "what was skipped to be forgotten", forgotten)
	b.mend()
	b.receive(2, now(), nil, insert("1||again"))
	eventually(t, "the letter to go", func() bool { return len(b.letters()) == 0 })
	eventually(t, "the write to be forgotten", forgotten)
	if b.settle(); b.d.row("app.t", "1") != "1||again" {
		t.Fatal("a row that was skipped is not written again")
	}
}

// TestRefusedInHugeTransaction leaves rows out of a transaction that is streamed.
func TestRefusedInHugeTransaction(t *testing.T) {
	b := newBed(t, 2)
	b.config = func(c *applier.Config) { c.HugeBytes = 4000 }
	b.d.refuses = check("bad")
	b.start()
	var rows []string
	for i := range 3000 {
		v := "good"
		if i%700 == 3 {
			v = "bad"
		}
		rows = append(rows, insert(fmt.Sprintf("%d||%s", i, v)))
	}
	b.receive(2, now(), nil, rows...)
	b.receive(2, now(), nil, insert("behind||good"))
	b.parked(5)
	if b.d.row("app.t", "behind") == "" || b.d.row("app.t", "2999") == "" {
		t.Fatal("the rest does not go on")
	}
	b.mend()
	eventually(t, "the letters to go", func() bool { return len(b.letters()) == 0 })
	b.converged()
}

// TestRepairsGoPastARefusedRow has a row that cannot be repaired beside others that can.
func TestRepairsGoPastARefusedRow(t *testing.T) {
	b := newBed(t, 2)
	b.start()
	b.settle()
	b.d.hook(func(d *database) {
		d.trigger = func(m relay.Mark) string { // what is to be undone
			if m.Repair() {
				return ""
			}
			return d.set("app.t", "x", "x||trigger") + d.set("app.t", "y", "y||trigger")
		}
		d.refuses = func(table, row string) error {
			if row == "x||right" {
				return rejection{Reason: relay.UnfitValue, Table: table}
			}
			return nil
		}
	})
	b.d.local("x||right", "y||right")
	b.receive(2, now(), nil, insert("1||x"))
	eventually(t, "the other row to be repaired", func() bool { return b.d.row("app.t", "y") == "y||right" })
	if l := b.parked(1)[0]; l.Key != `{"id":"x"}` || l.Reason != relay.UnfitValue || l.Region != self {
		t.Fatalf("letter %+v", l)
	}
	b.mend()
	b.d.hook(func(d *database) { d.trigger = nil })
	eventually(t, "the letter to go", func() bool { return len(b.letters()) == 0 })
	b.converged()
}
