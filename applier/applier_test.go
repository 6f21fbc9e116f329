package applier_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/octant-db/octant/applier"
	"github.com/octant-db/octant/relay"
)

// TestTwoOrigins applies transactions of two regions exactly once, each with its mark.
func TestTwoOrigins(t *testing.T) {
	b := newBed(t, 2, 3).start()
	for i := range 300 {
		b.receive(2, now(), nil, insert(fmt.Sprintf("b%d||x", i)))
		if i%3 == 0 {
			b.receive(3, now(), nil, insert(fmt.Sprintf("c%d||x", i)), insert(fmt.Sprintf("d%d||x", i)))
		}
	}
	b.converged()
	var c relay.Counters
	b.a.Count(&c)
	if c.AppliedTransactions != 400 || c.AppliedRows != 500 || c.SkippedRows != 0 || c.Conflicts != 0 {
		t.Fatalf("counted %+v", c)
	}
	if s := b.a.Status(); !s.Writable || s.Err != "" || s.Index == 0 {
		t.Fatalf("status %+v", s)
	}
	if l := b.a.Lag(2); l != 0 {
		t.Fatalf("lag %s", l)
	}
	tables := b.a.Tables()
	if len(tables) != 1 || tables[0].Name != "t" || tables[0].Applied != 500 || tables[0].State != "replicated" || tables[0].Captured != 0 {
		t.Fatalf("tables %+v", tables)
	}
	count := 0
	for v, err := range b.a.Versions(t.Context()) {
		if err != nil || v.Table != "app.t" || v.Version.IsZero() || v.Deleted || !strings.HasPrefix(v.Key, `{"id":`) {
			t.Fatalf("version %+v (%v)", v, err)
		}
		count++
	}
	if count != 500 {
		t.Fatalf("%d versions", count)
	}
}

// TestLoadWithCrashes runs two origins and local writers over the same few rows, while the database fails in every way that it may, and the
// applier is stopped, paused and killed. In half of the runs it also refuses some rows until the end, and in half it crashes itself, and lacks then what it has not shown.
func TestLoadWithCrashes(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			load(t, seed)
		})
	}
}

func load(t *testing.T, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 3))
	b := newBed(t, 2, 3)
	b.config = func(c *applier.Config) {
		c.Lanes, c.BatchRows, c.HugeBytes = 1+int(seed)%3, 6, 4000
	}
	var dice atomic.Uint64
	roll := func(n uint64) bool { return (dice.Add(0x9E3779B97F4A7C15)>>33)%n == 0 }
	b.d.onWrite = func(context.Context, relay.Mark) error {
		if roll(9) {
			return errLockWait
		}
		return nil
	}
	b.d.onBegin = func(relay.Mark) {
		if roll(11) {
			b.d.local(fmt.Sprintf("%d||between", dice.Load()>>40%12))
		}
	}
	b.d.onCommit = func(relay.Mark) error {
		switch {
		case roll(12):
			return errLockWait
		case roll(13):
			return relay.ErrOutcomeUnknown
		case roll(14):
			return errUnknownDone
		}
		return nil
	}
	if seed%2 == 1 {
		b.d.refuses = check("3")
	}
	b.d.lazy = seed >= 3
	b.start()
	for i := range 250 {
		switch rng.IntN(10) {
		case 0, 1, 2:
			b.d.local(randomRow(rng, i))
		case 3:
			if rng.IntN(6) == 0 {
				b.disturb(rng)
			}
			if b.d.lazy && rng.IntN(2) == 0 {
				b.d.crash()
			}
		case 4:
			var rows []string
			for j := range 100 {
				rows = append(rows, insert(fmt.Sprintf("%d||huge %d %d", rng.IntN(12), i, j)+strings.Repeat("x", 60)))
			}
			if rng.IntN(4) == 0 {
				b.receive(2, now()-relay.HLC(rng.IntN(5000)), nil, rows...)
			}
		default:
			b.receiveRandom(rng, relay.Region(2+rng.IntN(2)), i)
		}
	}
	b.d.hook(func(d *database) { d.onBegin = nil }) // whoever still looks for what was committed must not write a row while they are compared
	b.mend()
	eventually(t, "the letters to go", func() bool { return len(b.letters()) == 0 && b.settled() && len(b.letters()) == 0 })
	b.converged()
}

func randomRow(rng *rand.Rand, i int) string {
	if id := rng.IntN(12); rng.IntN(4) == 0 {
		return fmt.Sprintf("-%d", id)
	} else {
		return fmt.Sprintf("%d||local %d", id, i)
	}
}

// receiveRandom sends a transaction whose clock may be a little behind; clocks of an origin rise.
func (b *bed) receiveRandom(rng *rand.Rand, origin relay.Region, i int) {
	var rows []string
	for range 1 + rng.IntN(3) {
		id := rng.IntN(12)
		before, after := fmt.Sprintf("%d||before", id), fmt.Sprintf("%d||from %d %d", id, origin, i)
		switch rng.IntN(4) {
		case 0:
			rows = append(rows, remove(before))
		case 1:
			rows = append(rows, insert(after))
		case 2:
			rows = append(rows, update(before, fmt.Sprintf("%d||moved %d %d", rng.IntN(12), origin, i)))
		default:
			rows = append(rows, update(before, after))
		}
	}
	switch rng.IntN(6) {
	case 0:
		b.boast(rng, origin)
		b.confirm(origin, b.ahead(origin, b.after(origin, rng), rows...))
	case 1:
		b.confirm(origin, b.ahead(origin, b.after(origin, rng), rows...))
	default:
		b.receive(origin, b.after(origin, rng), nil, rows...)
	}
}

func (b *bed) disturb(rng *rand.Rand) {
	switch rng.IntN(4) {
	case 0:
		b.kill()
		b.start()
	case 1:
		b.halt()
		b.start()
	default:
		for _, r := range b.origins {
			b.a.Pause(r, true)
		}
		for _, r := range b.origins {
			b.a.Pause(r, false)
		}
	}
}

// TestLastWriterWins has a late write lose and an early one win.
func TestLastWriterWins(t *testing.T) {
	b := newBed(t, 2).start()
	b.d.local("1||local", "2||local")
	b.settle()
	old, future := now()-relay.HLC(time.Hour/time.Microsecond), now()+relay.HLC(time.Second/time.Microsecond)
	b.receive(2, old, nil, insert("1||old"))
	b.receive(2, future, nil, insert("2||new"))
	b.converged()
	if b.d.row("app.t", "1") != "1||local" || b.d.row("app.t", "2") != "2||new" {
		t.Fatal("the wrong ones won")
	}
	b.d.local("2||edited") // having seen it
	b.converged()
	if b.d.row("app.t", "2") != "2||edited" {
		t.Fatal("who had seen the change lost")
	}
	var c relay.Counters
	if b.a.Count(&c); c.SkippedRows != 1 || c.Conflicts != 2 {
		t.Fatalf("counted %+v", c)
	}
}

// TestInversion has an application write between the decision and the commit.
func TestInversion(t *testing.T) {
	b := newBed(t, 2)
	var once atomic.Bool
	b.d.onBegin = func(m relay.Mark) {
		if m.Origin == 2 && once.CompareAndSwap(false, true) {
			b.d.local("1||local")
		}
	}
	b.d.local("1||first")
	b.start()
	b.settle()
	b.receive(2, now(), nil, update("1||first", "1||remote"))
	eventually(t, "the local write", once.Load)
	b.converged()
	var c relay.Counters
	if b.a.Count(&c); c.Inversions == 0 || c.RepairsDone == 0 || b.d.row("app.t", "1") != "1||local" {
		t.Fatalf("counted %+v, row %s", c, b.d.row("app.t", "1"))
	}
}

// TestPresence meets a row that was not expected: capture passes it first, then the write is decided again.
func TestPresence(t *testing.T) {
	b := newBed(t, 2)
	var once atomic.Bool
	b.d.onBegin = func(m relay.Mark) {
		if m.Origin == 2 && once.CompareAndSwap(false, true) {
			b.d.local("1||local")
		}
	}
	b.start()
	b.receive(2, now()-1e6, nil, insert("1||remote"), insert("2||remote"))
	b.converged()
	var c relay.Counters
	if b.a.Count(&c); c.ApplyRetries != 1 || c.Inversions != 0 || b.d.row("app.t", "1") != "1||local" {
		t.Fatalf("counted %+v, row %s", c, b.d.row("app.t", "1"))
	}
	if _, held := b.problem("apply_held"); held {
		t.Fatal("it was called held up")
	}
}

// TestOutcomes loses the answer of commits that took place and of others.
func TestOutcomes(t *testing.T) {
	for name, failure := range map[string]error{
		"deadlock": errLockWait, "connection lost": errGone, "not committed": relay.ErrOutcomeUnknown, "committed": errUnknownDone,
	} {
		t.Run(name, func(t *testing.T) {
			b := newBed(t, 2)
			var failed atomic.Int64
			b.d.onCommit = func(m relay.Mark) error {
				if m.Origin == 2 && failed.Add(1) <= 3 {
					return failure
				}
				return nil
			}
			b.start()
			for i := range 5 {
				b.receive(2, now(), nil, insert(fmt.Sprintf("%d||x", i)))
			}
			b.converged()
			var c relay.Counters
			if b.a.Count(&c); c.AppliedTransactions != 5 || c.ApplyRetries < 1 {
				t.Fatalf("counted %+v", c)
			}
		})
	}
}

// TestMissingTable holds one origin up, says so, applies what came before, lets the others go on, and goes on itself once the table is there.
func TestMissingTable(t *testing.T) {
	b := newBed(t, 2, 3)
	b.d.missing["app.later"] = true
	b.start()
	b.settle()
	b.a.Pause(2, true)
	for i := range 20 {
		b.receive(2, now(), nil, insert(fmt.Sprintf("%d||x", i)))
	}
	b.receive(2, now(), nil, line("app.later", "", "1||x"))
	b.receive(2, now(), nil, insert("behind||x"))
	b.d.hook(func(d *database) { // writing is slower than reading on to the table that is missing
		d.onWrite = func(ctx context.Context, m relay.Mark) error {
			if m.Origin == 2 && m.Range.From <= 20 {
				b.awaitMissed()
				select {
				case <-ctx.Done():
				case <-time.After(20 * time.Millisecond):
				}
			}
			return nil
		}
	})
	b.a.Pause(2, false)
	eventually(t, "the report", func() bool { _, held := b.problem("apply_held"); return held })
	eventually(t, "what came before", func() bool { return b.d.row("app.t", "19") != "" })
	b.receive(3, now(), nil, insert("other||x"))
	eventually(t, "the other origin", func() bool { return b.d.row("app.t", "other") != "" })
	_, held := b.a.Origin(2)
	tables := b.a.Tables()
	i := slices.IndexFunc(tables, func(s relay.TableStatus) bool { return s.Name == "later" })
	if !strings.Contains(held, "app.later") || i < 0 || tables[i].State != "held" || b.a.Lag(2) == 0 {
		t.Fatalf("held %q, tables %+v, lag %s", held, tables, b.a.Lag(2))
	}
	if b.d.row("app.t", "behind") != "" {
		t.Fatal("a later transaction went past the one that is held up")
	}
	b.d.hook(func(d *database) { delete(d.missing, "app.later") })
	b.converged()
	if _, held := b.a.Origin(2); held != "" {
		t.Fatalf("still held: %s", held)
	}
}

// awaitMissed returns once a table has been found missing, or not for a while.
func (b *bed) awaitMissed() {
	b.d.mu.Lock()
	before := b.d.missed
	b.d.mu.Unlock()
	deadline := time.Now().Add(200 * time.Millisecond)
	for tick := time.NewTicker(time.Millisecond); time.Now().Before(deadline); <-tick.C {
		b.d.mu.Lock()
		now := b.d.missed
		b.d.mu.Unlock()
		if now > before {
			return
		}
	}
}

// TestBrokenTransaction holds up its origin only.
func TestBrokenTransaction(t *testing.T) {
	b := newBed(t, 2, 3).start()
	b.receive(2, now(), nil, "no change at all\n")
	b.receive(3, now(), nil, insert("1||x"))
	eventually(t, "the other origin", func() bool { return b.d.row("app.t", "1") != "" })
	eventually(t, "the report", func() bool { _, held := b.a.Origin(2); return strings.Contains(held, "malformed") })
}

// TestPause applies nothing of a paused origin, and then everything.
func TestPause(t *testing.T) {
	b := newBed(t, 2, 3).start()
	b.settle()
	b.a.Pause(2, true)
	b.receive(2, now(), nil, insert("1||x"))
	b.receive(3, now(), nil, insert("2||x"))
	eventually(t, "the other origin", func() bool { return b.d.row("app.t", "2") != "" })
	b.halt()
	b.start()
	b.a.Pause(2, true)
	b.a.Pause(2, true)
	if b.d.row("app.t", "1") != "" {
		t.Log("applied before the pause after the restart")
	}
	b.a.Pause(2, false)
	b.converged()
}

// TestPauseAtOnce pauses and resumes at any moment: what is paused stays so.
func TestPauseAtOnce(t *testing.T) {
	b := newBed(t, 2)
	b.start()
	b.settle()
	for i := range 300 {
		b.a.Pause(2, true)
		b.a.Pause(2, false)
		b.a.Pause(2, true)
		if i%100 == 99 {
			var begun atomic.Bool
			b.d.hook(func(d *database) { d.onBegin = func(m relay.Mark) { begun.CompareAndSwap(false, m.Origin == 2) } })
			b.receive(2, now(), nil, insert(fmt.Sprintf("%d||x", i)))
			b.d.local(fmt.Sprintf("local %d||x", i))
			eventually(t, "the local write", func() bool { return b.a.Merged() == b.log.State().LSN })
			if begun.Load() {
				t.Fatal("applied while paused")
			}
		}
		b.a.Pause(2, false)
	}
	b.converged()
}

// TestOrderWhenGivingUp asks whether a transaction may commit when the one before it was given up because applying stops: never.
func TestOrderWhenGivingUp(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 50 {
		if err := applier.TurnBehindLost(ctx, hurried{time.Now()}); err == nil {
			t.Fatalf("it may commit: the transaction before it would be lost")
		}
	}
}

// TestStumbleIsNotHandedDown: a flight lets go of its locks when the one before it rolls back while it holds them, and not because that one did so earlier:
// its own successor would then do the same, and so on.
func TestStumbleIsNotHandedDown(t *testing.T) {
	for range 50 {
		if err := applier.TurnBehindStumbled(t.Context(), false); err != nil {
			t.Fatalf("it rolls back for what was over before it began: %v", err)
		}
	}
	if err := applier.TurnBehindStumbled(t.Context(), true); err == nil {
		t.Fatal("it keeps its locks")
	}
}

// TestLocksAreKeptWhileOthersCommit: a flight that waits for its turn lets go of its locks when nothing has moved for a while, and not while those before it commit.
func TestLocksAreKeptWhileOthersCommit(t *testing.T) {
	if err := applier.TurnBehindOthers(t.Context(), 10, true); err != nil {
		t.Fatalf("it rolls back while those before it commit: %v", err)
	}
	if err := applier.TurnBehindOthers(t.Context(), 10, false); err == nil {
		t.Fatal("it keeps its locks while nothing moves")
	}
}

// TestLostTailIsWrittenAgain: the database crashes and lacks transactions that it had committed. What comes after them is not committed before they are there again, whether the
// relay goes on or dies as well.
func TestLostTailIsWrittenAgain(t *testing.T) {
	for name, end := range map[string]func(*bed){"the relay goes on": func(*bed) {}, "the relay dies too": func(b *bed) { b.kill(); b.start() }} {
		t.Run(name, func(t *testing.T) {
			b := newBed(t, 2, 3)
			b.config = func(c *applier.Config) { c.BatchRows = 1 }
			b.start()
			b.d.local("1||a")
			b.receive(2, now(), nil, insert("2||b"))
			b.settle()
			b.d.hook(func(d *database) { d.lazy = true })
			for round := range 3 {
				b.receive(2, now(), nil, update("2||b", fmt.Sprint("2||b", round)))
				b.receive(2, now(), nil, insert(fmt.Sprint(10+round, "||b")), remove("1||a"))
				b.receive(3, now(), nil, insert(fmt.Sprint(20+round, "||c")))
				b.applied(2, 3)
				b.d.crash()
				end(b)
				b.receive(2, now(), nil, insert(fmt.Sprint(30+round, "||b")))
				b.applied(2, 3)
				if round == 1 {
					b.d.local(fmt.Sprint(40+round, "||a"))
				}
			}
			b.d.hook(func(d *database) { d.lazy = false; d.show() })
			b.converged()
		})
	}
}

// applied waits until the database has committed all that was received of some regions.
func (b *bed) applied(origins ...relay.Region) {
	b.t.Helper()
	eventually(b.t, "all to be committed", func() bool {
		b.d.mu.Lock()
		defer b.d.mu.Unlock()
		for _, r := range origins {
			if uint64(b.d.ledger[r]) != b.log.Received(r).Last() {
				return false
			}
		}
		return true
	})
}

// TestHuge streams a transaction that is not held whole, retries it, and keeps its place in the order.
func TestHuge(t *testing.T) {
	b := newBed(t, 2, 3)
	b.config = func(c *applier.Config) { c.HugeBytes = 1000 }
	var writes, begins atomic.Int64
	b.d.onWrite = func(ctx context.Context, m relay.Mark) error {
		if m.Origin == 2 && m.Range.From == 2 && writes.Add(1) == 3 {
			return errLockWait
		}
		return nil
	}
	b.d.onBegin = func(m relay.Mark) {
		if m.Origin == 2 && m.Range.From == 2 && begins.Add(1) == 2 {
			b.d.local("17||local")
		}
	}
	b.start()
	b.receive(2, now()-2e6, nil, insert("1||before"))
	var rows []string
	for i := range 5000 {
		rows = append(rows, insert(fmt.Sprintf("%d||huge", i)))
	}
	rows[1] = update("1||before", "1||huge")
	b.receive(2, now()-1e6, nil, rows...)
	b.receive(2, now(), nil, update("4||huge", "4||after"))
	b.receive(3, now(), nil, insert("other||x"))
	b.converged()
	if w := writes.Load(); w < 8 {
		t.Fatalf("written in %d parts", w)
	}
	if b.d.row("app.t", "17") != "17||local" || b.d.row("app.t", "4") != "4||after" {
		t.Fatal("the wrong ones won")
	}
}

// TestDense streams a transaction that is not huge, and has so many changes that it would be in memory.
func TestDense(t *testing.T) {
	b := newBed(t, 2)
	b.config = func(c *applier.Config) { c.HugeBytes = 64_000 }
	var writes atomic.Int64
	b.d.onWrite = func(_ context.Context, m relay.Mark) error {
		if m.Range.From == 2 {
			writes.Add(1)
		}
		return nil
	}
	b.start()
	b.receive(2, now()-2e6, nil, insert("1||before"))
	var rows []string
	for i := range 1500 {
		rows = append(rows, insert(fmt.Sprintf("%d||d", i)))
	}
	rows[1] = update("1||before", "1||d")
	b.receive(2, now()-1e6, nil, rows...)
	if t2, _, err := b.log.Received(2).Transaction(2); err != nil || t2.Size > 64_000 {
		t.Fatalf("it has %d bytes, %v", t2.Size, err)
	}
	b.receive(2, now(), nil, update("4||d", "4||after"))
	b.converged()
	if w := writes.Load(); w < 2 {
		t.Fatalf("written in %d parts", w)
	}
}

// TestBatches share commits up to the bound.
func TestBatches(t *testing.T) {
	b := newBed(t, 2)
	b.config = func(c *applier.Config) { c.BatchRows, c.HugeBytes = 5, 2000 }
	for i := range 40 {
		b.receive(2, now(), nil, insert(fmt.Sprintf("%d||x", 2*i)), insert(fmt.Sprintf("%d||x", 2*i+1)))
	}
	b.receive(2, now(), nil, insert("big||"+strings.Repeat("x", 2000)))
	b.receive(2, now(), nil, insert("last||x"))
	b.start()
	b.converged()
	ranges := make(map[relay.Seq]relay.Seq)
	b.d.hook(func(d *database) {
		for _, m := range d.commits {
			if !m.Repair() {
				ranges[m.Range.From] = m.Range.To
			}
		}
	})
	shared := 0
	for from, to := range ranges {
		if to-from+1 > 2 || from <= 41 && to > 40 && from != to {
			t.Errorf("transactions %d to %d share a commit", from, to)
		}
		if to > from {
			shared++
		}
	}
	if shared == 0 {
		t.Error("no commit was shared")
	}
}

// TestUniqueValues hands a value of a unique key from row to row: the transactions do not overlap, and run in order.
func TestUniqueValues(t *testing.T) {
	b := newBed(t, 2)
	b.config = func(c *applier.Config) { c.Lanes, c.BatchRows = 4, 1 }
	b.start()
	for i := range 100 {
		if i > 0 {
			b.receive(2, now(), nil, update(fmt.Sprintf("%d|u|x", i-1), fmt.Sprintf("%d||x", i-1)))
		}
		b.receive(2, now(), nil, insert(fmt.Sprintf("%d|u|x", i)))
	}
	b.converged()
}

// TestLocksAreLetGo has an application hold the row of one transaction and then want the row of the next, which waits for its turn.
func TestLocksAreLetGo(t *testing.T) {
	b := newBed(t, 2)
	b.config = func(c *applier.Config) { c.Lanes, c.BatchRows = 2, 1 }
	b.start()
	b.settle()
	b.d.hook(func(d *database) { d.locks["app.t/1"] = nil })
	b.receive(2, now(), nil, insert("1||x"))
	eventually(t, "the first to wait for the application", func() bool { var c relay.Counters; b.a.Count(&c); return c.ApplyRetries > 0 })
	var wrote atomic.Bool
	b.d.hook(func(d *database) {
		d.onWrite = func(ctx context.Context, m relay.Mark) error {
			if m.Range.From == 2 {
				wrote.Store(true)
			}
			return nil
		}
	})
	b.receive(2, now(), nil, insert("2||x"))
	eventually(t, "the second to write", wrote.Load)
	eventually(t, "the second to let go", func() bool { return b.d.local("2||application") })
	b.d.hook(func(d *database) { delete(d.locks, "app.t/1") })
	b.converged()
}

// TestTrigger undoes what a trigger writes beside our rows.
func TestTrigger(t *testing.T) {
	b := newBed(t, 2)
	b.d.trigger = func(m relay.Mark) string {
		if m.Origin != 2 {
			return ""
		}
		return b.d.set("app.audit", fmt.Sprint(m.Range.From), fmt.Sprintf("%d||audit", m.Range.From)) + b.d.set("app.t", "kept", "kept||changed")
	}
	b.d.local("kept||as it was")
	b.start()
	b.receive(2, now(), nil, insert("1||x"))
	b.receive(2, now(), nil, insert("2||x"))
	b.converged()
}

// TestExcluded leaves tables out that are not replicated, and still moves on.
func TestExcluded(t *testing.T) {
	b := newBed(t, 2).start()
	b.receive(2, now(), nil, line("app.excluded", "", "1||x"))
	b.receive(2, now(), nil, "")
	b.settle()
	if seen, _ := b.a.Origin(2); seen.Seq != 2 || b.d.row("app.excluded", "1") != "" {
		t.Fatalf("seen %v, row %q", seen, b.d.row("app.excluded", "1"))
	}
}

// TestNoCanary writes nothing while what we write does not come back.
func TestNoCanary(t *testing.T) {
	b := newBed(t, 2)
	prepared := errors.New("no privilege")
	var ready atomic.Bool
	b.config = func(c *applier.Config) {
		c.Prepare = func(context.Context) error {
			if ready.Load() {
				return nil
			}
			return prepared
		}
	}
	b.d.deafness = true
	b.start()
	b.receive(2, now(), nil, insert("1||x"))
	eventually(t, "the reason", func() bool { s := b.a.Status(); return !s.Writable && strings.Contains(s.Err, "no privilege") })
	ready.Store(true)
	eventually(t, "a canary", func() bool { b.d.mu.Lock(); defer b.d.mu.Unlock(); return len(b.d.commits) > 0 })
	if b.a.Status().Writable || b.d.row("app.t", "1") != "" {
		t.Fatal("applied without a canary")
	}
	b.halt()
	b.d.deafness = false
	b.d.state = b.log.State()
	b.start()
	b.converged()
}

// TestMeet applies a region's stream once its id is known, and promises nothing of everybody before.
func TestMeet(t *testing.T) {
	b := newBed(t, 2)
	b.config = func(c *applier.Config) { c.Regions = 2 }
	b.start()
	b.a.Heard(2, relay.Heartbeat{Promise: now(), Announced: relay.Vector{0, now(), 0, now()}})
	b.receive(2, now(), nil, insert("1||x"))
	b.settle()
	if s := b.a.Status(); s.Frontier != 0 || s.Stable != 0 {
		t.Fatalf("frontier %d and stable cut %d while a region has not been met", s.Frontier, s.Stable)
	}
	b.a.Meet(relay.Hello{Region: 3})
	b.a.Meet(relay.Hello{Region: 3})
	b.receive(3, now(), nil, insert("2||x"))
	eventually(t, "the new region", func() bool { return b.d.row("app.t", "2") != "" })
}
