package applier_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/octant-db/octant/applier"
	"github.com/octant-db/octant/relay"
)

func (b *bed) conflicts() []relay.Conflict {
	b.t.Helper()
	var list []relay.Conflict
	for c, err := range b.a.Conflicts(b.t.Context()) {
		if err != nil {
			b.t.Fatal(err)
		}
		list = append(list, c)
	}
	return list
}

// gist is what stays the same when a conflict is found again.
func gist(list []relay.Conflict) string {
	var text strings.Builder
	for _, c := range list {
		fmt.Fprintf(&text, "%d %s %s %s %s %s %s %s\n", c.ID, c.Kind, c.Key, c.Decision, c.Winner, c.Loser, c.Local, c.Remote)
	}
	return text.String()
}

// TestConflictLog has one conflict of each kind, and one change that is none because its author had seen what stood there.
func TestConflictLog(t *testing.T) {
	b := newBed(t, 2).start()
	b.d.local("1||a", "2||a", "3||a", "4||a", "5||a", "6||a")
	b.d.local("-4", "-5")
	b.settle()
	seen := b.d.clock()
	old, late := seen-1e6, seen+1e6
	b.receive(2, old, nil, insert("1||b"))
	b.receive(2, old+1, nil, update("2||z", "2||b"))
	b.receive(2, late, nil, remove("3||z"))
	b.receive(2, late+1, nil, update("4||z", "4||b"))
	b.receive(2, late+2, nil, remove("5||z"))
	b.receive(2, late+3, relay.Vector{0, seen}, update("6||a", "6||b"))
	b.converged()
	kinds := make(map[string]string)
	list := b.conflicts()
	for i, c := range list {
		kinds[c.Key] = c.Kind + " " + c.Decision
		if c.Table != "app.t" || c.Policy != "lww" || !c.Winner.After(c.Loser) || c.At.IsZero() {
			t.Errorf("conflict %+v", c)
		}
		if i > 0 && c.At.After(list[i-1].At) {
			t.Errorf("not the newest first: %v after %v", c.At, list[i-1].At)
		}
	}
	want := map[string]string{
		`{"id":"1"}`: "insert_exists local", `{"id":"2"}`: "update_origin_differs local", `{"id":"3"}`: "delete_origin_differs remote",
		`{"id":"4"}`: "update_deleted remote", `{"id":"5"}`: "delete_missing remote",
	}
	if fmt.Sprint(kinds) != fmt.Sprint(want) || len(list) != len(want) {
		t.Fatalf("conflicts %v, want %v", kinds, want)
	}
	if i := slices.IndexFunc(list, func(c relay.Conflict) bool { return c.Key == `{"id":"1"}` }); list[i].Local != `"1||a"` || list[i].Remote != `"1||b"` {
		t.Errorf("images %q and %q", list[i].Local, list[i].Remote)
	}
	if tables := b.a.Tables(); tables[0].Conflicts != 5 {
		t.Errorf("tables count %+v", tables)
	}
	before := gist(list)
	for _, end := range []func(){b.kill, b.halt, b.kill, b.halt} {
		end()
		b.start()
		b.settle()
		if after := gist(b.conflicts()); after != before {
			t.Fatalf("after a restart:\n%swas:\n%s", after, before)
		}
	}
}

// TestALoserIsOnRecordOnce: what is known is saved in the midst of the log, and the relay dies. When it folds its log again, a write meets another one than it had lost to, and another meets none.
func TestALoserIsOnRecordOnce(t *testing.T) {
	b := newBed(t, 2, 3).start()
	b.d.local("1||a", "2||a", "3||lost")
	b.settle()
	at := b.d.clock()
	b.receive(2, at-1000, nil, insert("1||lost"), insert("2||lost"))
	b.receive(2, at+1000, nil, insert("3||b"))
	b.converged()
	b.receive(3, at+1e6, relay.Vector{0, at}, update("1||a", "1||c"))
	b.converged()
	before := gist(b.conflicts())
	if strings.Count(before, "\n") != 3 {
		t.Fatalf("on record is\n%s", before)
	}
	if err := b.a.Spill(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.kill()
	b.start().settle()
	list := b.conflicts()
	if len(list) != 3 {
		t.Fatalf("after a crash:\n%swas:\n%s", gist(list), before)
	}
	for _, c := range list {
		lost := c.Local
		if c.Decision == "local" {
			lost = c.Remote
		}
		if !strings.Contains(lost, "lost") {
			t.Errorf("on record is %+v", c)
		}
	}
}

// forward is a clock that can be put forward.
type forward struct {
	hurried
	by *atomic.Int64
}

func (c forward) Now() time.Time { return c.hurried.Now().Add(time.Duration(c.by.Load())) }

// TestConflictsAreKeptForTheirTime: it begins when a conflict is found, however old the writes are, and does not begin again when it is found again.
func TestConflictsAreKeptForTheirTime(t *testing.T) {
	b := newBed(t, 2)
	var by atomic.Int64
	b.config = func(c *applier.Config) {
		c.Clock, c.KeepConflicts = forward{b.clock, &by}, time.Hour
	}
	b.start()
	b.d.local("1||a", "2||a")
	b.settle()
	save := func(want int) {
		t.Helper()
		if err := b.a.SaveConflicts(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := b.store.count("c"); n != want || b.store.count("d") != want || len(b.conflicts()) != want {
			t.Fatalf("%d conflicts are saved, %d places, %d are shown, want %d", n, b.store.count("d"), len(b.conflicts()), want)
		}
	}
	b.receive(2, 1000, nil, insert("1||written long ago"))
	b.converged()
	save(1)
	by.Store(int64(40 * time.Minute))
	b.receive(2, 1001, nil, insert("2||written long ago"))
	b.converged()
	save(2)
	b.kill()
	b.start().settle() // both are found again
	save(2)
	by.Store(int64(70 * time.Minute))
	save(1)
	if key := b.conflicts()[0].Key; key != `{"id":"2"}` {
		t.Errorf("left is the conflict of %s", key)
	}
}

// TestConflictLogFails keeps conflicts that could not be saved.
func TestConflictLogFails(t *testing.T) {
	b := newBed(t, 2).start()
	b.d.local("1||a")
	b.settle()
	b.receive(2, b.d.clock()-1000, nil, insert("1||b"))
	b.converged()
	before := gist(b.conflicts())
	b.store.fail(0)
	if err := b.a.Checkpoint(t.Context()); err == nil {
		t.Fatal("saved in a store that fails")
	}
	if after := gist(b.conflicts()); before == "" || after != before {
		t.Fatalf("%q became %q", before, after)
	}
	b.store.fail(-1)
	b.halt()
	if after := gist(b.start().conflicts()); after != before {
		t.Fatalf("%q became %q", before, after)
	}
}

// TestConflictsAreSavedWhileOthersAreMerged: a storm of conflicts is written down without the rest of what is known, and holds nothing up. What is found again after a
// crash is on record once.
func TestConflictsAreSavedWhileOthersAreMerged(t *testing.T) {
	b := newBed(t, 2)
	writing, goOn := make(chan struct{}), make(chan struct{})
	once := sync.OnceFunc(func() { close(writing); <-goOn })
	b.store.onWrite = func(pairs []relay.Pair) {
		if pairs[0].Key[0] == 'c' {
			once()
		}
	}
	b.start()
	b.d.local("1||a", "2||a")
	b.settle()
	seen := b.d.clock()
	b.receive(2, seen-1000, nil, insert("1||b"))
	b.converged()
	saved := make(chan error, 1)
	go func() { saved <- b.a.SaveConflicts(t.Context()) }()
	<-writing
	b.receive(2, seen-999, nil, insert("2||b"))
	b.converged()
	before := gist(b.conflicts())
	close(goOn)
	if err := <-saved; err != nil || b.store.count("c") != 1 || b.store.count("v") != 0 {
		t.Fatalf("%v, %d conflicts and %d registers are saved", err, b.store.count("c"), b.store.count("v"))
	}
	b.store.fail(0)
	if err := b.a.SaveConflicts(t.Context()); err == nil {
		t.Fatal("saved in a store that fails")
	}
	b.store.fail(-1)
	if after := gist(b.conflicts()); strings.Count(before, "\n") != 2 || after != before {
		t.Fatalf("%q became %q", before, after)
	}
	b.kill()
	b.start().settle()
	if after := gist(b.conflicts()); after != before {
		t.Fatalf("%q became %q after a crash", before, after)
	}
}

// TestPeopleAreToldBeforeItIsSaved: a conflict or a letter that is on disk does not come up again after a crash, so who is told of it must have kept it by then.
func TestPeopleAreToldBeforeItIsSaved(t *testing.T) {
	b := newBed(t, 2)
	var full atomic.Bool
	b.config = func(c *applier.Config) {
		c.Told = func(context.Context) error {
			if full.Load() {
				return syscall.ENOSPC
			}
			return nil
		}
	}
	b.d.refuses = check("bad")
	b.start()
	b.d.local("1||a")
	b.settle()
	full.Store(true)
	b.receive(2, b.d.clock()-1000, nil, insert("1||b"))
	b.receive(2, now(), nil, insert("2||bad"))
	b.parked(1)
	if err := b.a.Checkpoint(t.Context()); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("saved, although nobody was told: %v", err)
	}
	if n := b.store.count("c") + b.store.count("l"); n != 0 {
		t.Fatalf("%d conflicts and letters were saved before anybody was told", n)
	}
	full.Store(false)
	if err := b.a.Checkpoint(t.Context()); err != nil || b.store.count("c") != 1 {
		t.Fatalf("%v, %d conflicts are saved", err, b.store.count("c"))
	}
	eventually(t, "the letter to be saved", func() bool { return b.store.count("l") == 1 })
	b.mend()
}

// TestConflictLogIsTrimmed lets the oldest go.
func TestConflictLogIsTrimmed(t *testing.T) {
	b := newBed(t, 2)
	for i := range uint64(111_000) {
		key := binary.BigEndian.AppendUint64([]byte("c"), i)
		b.store.pairs[string(binary.BigEndian.AppendUint64(key, i))] = []byte("{}")
	}
	if err := b.make().Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	left, oldest := 0, ""
	for k := range b.store.pairs {
		if k[0] == 'c' {
			left++
			if oldest == "" || k < oldest {
				oldest = k
			}
		}
	}
	if left != 100_000 || binary.BigEndian.Uint64([]byte(oldest[1:9])) != 11_000 {
		t.Fatalf("%d are left, from %q on", left, oldest)
	}
}

// TestNoConflictWithWhatAnAuthorHadSeen has an update arrive before the insert that it was made from, from a third region. The index is on disk
// in between, and the relay dies.
func TestNoConflictWithWhatAnAuthorHadSeen(t *testing.T) {
	b := newBed(t, 2, 3).start()
	b.d.local("9||a")
	b.settle()
	made := b.d.clock() + 1e6
	b.receive(3, made+10, relay.Vector{0, 0, made}, update("1||b", "1||c"))
	b.receive(3, made+20, relay.Vector{0, 0, made - 1}, update("2||b", "2||c"))
	b.settle()
	if err := b.a.Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	cool(t, b.a)
	b.kill()
	b.start()
	b.receive(2, made, nil, insert("1||b"), insert("2||b"))
	b.converged()
	if list := b.conflicts(); len(list) != 1 || list[0].Key != `{"id":"2"}` {
		t.Errorf("on record is %s", gist(list))
	}
}

// TestUpdateOfAMissingRow: a row has left the database without being in its log. The next update of it by another region writes the whole row, and is on record, once; a row that is there
// is updated without a word.
func TestUpdateOfAMissingRow(t *testing.T) {
	b := newBed(t, 2).start()
	b.d.hook(func(d *database) { d.set("app.t", "2", "2||a") }) // and not the first one
	at := now()
	b.receive(2, at, nil, update("1||a", "1||b"), update("2||a", "2||b"))
	b.converged()
	check := func(when string) {
		t.Helper()
		list := b.conflicts()
		if len(list) != 1 {
			t.Fatalf("%s %d conflicts are on record, want the missing row alone:\n%s", when, len(list), gist(list))
		}
		c := list[0]
		if c.Kind != "update_missing" || c.Key != `{"id":"1"}` || c.Decision != "remote" || c.Local != "" || c.Remote != `"1||b"` ||
			c.Winner != (relay.Version{HLC: at, Region: 2}) || !c.Loser.IsZero() {
			t.Errorf("%s on record is %+v", when, c)
		}
	}
	check("at first")
	counted := b.a.ConflictCounts()
	if len(counted) != 1 || counted[0].Kind != "update_missing" || counted[0].Count != 1 {
		t.Errorf("counted are %+v", counted)
	}
	b.kill()
	b.start().settle()
	check("after a crash")
}
