package applier_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/octant-db/octant/applier"
	"github.com/octant-db/octant/conflict"
	"github.com/octant-db/octant/relay"
)

// Rows of app.c name their parent in app.p by their last column, and go with it.
var tie = relay.Tie{
	Child: relay.TableName{Schema: "app", Table: "c"}, Parent: relay.TableName{Schema: "app", Table: "p"}, Columns: []string{"v"},
}

// Those of app.d go with theirs, or let go of one that is given another key.
var divided = relay.Tie{
	Child: relay.TableName{Schema: "app", Table: "d"}, Parent: relay.TableName{Schema: "app", Table: "p"}, Columns: []string{"v"}, Divided: true,
}

// Rows of app.e go with theirs in app.c, which is in the middle of a chain.
var below = relay.Tie{
	Child: relay.TableName{Schema: "app", Table: "e"}, Parent: relay.TableName{Schema: "app", Table: "c"}, Columns: []string{"v"},
}

// Those of app.f follow theirs to another key.
var following = relay.Tie{
	Child: relay.TableName{Schema: "app", Table: "f"}, Parent: relay.TableName{Schema: "app", Table: "p"}, Columns: []string{"v"}, Rekeyed: true, Follows: true,
}

// family names a row's parent and its children.
func family(table *relay.Table, img relay.Image, id *relay.Identity) {
	switch table.Name {
	case "c":
		id.Parents, id.Children, id.Middle = []string{tie.Name() + parentOf(string(img))}, []string{below.Name() + idOf(img)}, true
	case "e":
		id.Parents = []string{below.Name() + parentOf(string(img))}
	case "d":
		if p := parentOf(string(img)); p != "" {
			id.Parents = []string{divided.Name() + p, divided.Rival().Name() + p}
		}
	case "f":
		id.Parents = []string{following.Name() + parentOf(string(img))}
	case "p":
		id.Children = []string{tie.Name() + idOf(img), divided.Name() + idOf(img)}
		id.Keyed = []relay.Keyed{
			{Name: divided.Rival().Name() + idOf(img)}, {Name: following.Name() + idOf(img), Columns: []int{0}},
		}
	}
}

// parentOf is the last column of a row.
func parentOf(row string) string { return row[strings.LastIndex(row, "|")+1:] }

// Below implements relay.Family.
func (t *target) Below(_ context.Context, table *relay.Table, images []relay.Image) (found []relay.Change, err error) {
	t.d.mu.Lock()
	defer t.d.mu.Unlock()
	for _, img := range images {
		for _, child := range map[string][]string{"p": {"app.c", "app.d", "app.f"}, "c": {"app.e"}}[table.Name] {
			for _, row := range t.d.tables[child] {
				if parentOf(row) == idOf(img) {
					found = append(found, relay.Change{Op: relay.Delete, Table: tableOf(child), Before: relay.Image(row)})
				}
			}
		}
	}
	return found, nil
}

// Heads implements relay.Family.
func (t *target) Heads(_ context.Context, table relay.TableName) (bool, error) {
	return table == tie.Parent || table == below.Parent, nil
}

// Children that nothing is known of go with their parent, and so do those whose write the parent's deletion had seen, come as they may; others stay. What is known of
// that is on disk, and the relay dies before the mark comes back.
func TestChildrenGoWithTheirParent(t *testing.T) {
	b := newBed(t, 2, 3)
	var dead atomic.Bool
	b.d.onCommit = func(m relay.Mark) error {
		if m.Origin == 2 && m.Range.To == 2 && !dead.Load() {
			return errGone
		}
		return nil
	}
	b.d.localIn("app.p", "1||p")
	b.d.localIn("app.c", "1||1", "2||1", "3||2")
	b.start()
	b.settle()
	forgotten := b.d.clock()
	b.a.Heard(2, relay.Heartbeat{Promise: forgotten, Announced: relay.Vector{0, forgotten, 0, forgotten}})
	b.a.Heard(3, relay.Heartbeat{Promise: forgotten, Announced: relay.Vector{0, forgotten, forgotten}})
	if err := b.a.Forget(); err != nil {
		t.Fatal(err)
	}
	if _, known, err := b.a.Register(conflict.Key("app.c\x001")); err != nil || known {
		t.Fatalf("a child is remembered: %v", err)
	}
	first := max(now(), forgotten+1)
	b.receive(2, first, nil, line("app.c", "", "4||1"))
	b.d.localIn("app.c", "5||1")
	b.settle()
	if err := b.a.Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	cool(t, b.a)
	b.receive(2, first+1e6, relay.Vector{0, forgotten, 0, first + 10}, line("app.p", "1||p", ""))
	b.receive(2, first+2e6, nil, line("app.c", "", "1||1"))
	b.kill()
	dead.Store(true)
	b.start()
	b.settle()
	b.receive(3, first+5, nil, line("app.c", "", "6||1"))
	b.receive(3, first+20, nil, line("app.c", "", "7||1"))
	b.settle()
	want := map[string]string{"1": "1||1", "3": "3||2", "5": "5||1", "7": "7||1"}
	b.requireTable("app.c", want)
	if err := b.a.Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.kill()
	b.start()
	b.receive(3, first+21, relay.Vector{0, forgotten}, line("app.p", "", "9||p"))
	b.requireTable("app.c", want)
}

// A child goes with a deletion of its parent that comes before what its author had seen: the parent was given another key, and the child parted from it. What it was
// is on disk, and it comes back as that author had found it. Where the two had not seen each other it stays away.
func TestChildrenComeBackThatWerePartedBefore(t *testing.T) {
	b := newBed(t, 2, 3, 4)
	b.d.localIn("app.p", "1||p", "2||p")
	b.d.localIn("app.d", "1||1", "2||1", "4||2")
	b.start()
	b.settle()
	seen := b.d.clock()
	first := max(now(), seen+1)
	b.receive(3, first+1e6, relay.Vector{0, seen}, line("app.p", "2||p", ""))
	b.receive(3, first+2e6, relay.Vector{0, seen, first + 1e6}, line("app.p", "1||p", ""))
	b.settle()
	b.requireTable("app.d", map[string]string{})
	for r := relay.Region(2); r <= 4; r++ {
		b.a.Heard(r, relay.Heartbeat{Promise: seen, Announced: relay.Vector{0, seen, seen, seen, seen}})
	}
	if err := b.a.Forget(); err != nil {
		t.Fatal(err)
	}
	if err := b.a.Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.kill()
	b.start()
	b.receive(2, first+1e6, relay.Vector{0, seen}, line("app.p", "1||p", "9||p"), line("app.p", "2||p", "8||p"))
	b.settle()
	b.requireTable("app.d", map[string]string{"1": "1||", "2": "2||"})
}

// A deletion is not forgotten for a later one by somebody who had seen that the parent had been given another key meanwhile: it counts for children that come late.
func TestLateChildrenMeetWhatEndedTheirParentFirst(t *testing.T) {
	b := newBed(t, 2, 3, 4)
	b.start()
	at := now()
	b.receive(3, at+10, relay.Vector{0, 0, at}, line("app.p", "1||p", ""))
	b.receive(4, at+11, relay.Vector{0, 0, at}, line("app.p", "1||p", "9||p"))
	b.receive(3, at+20, relay.Vector{0, 0, at, 0, at + 11}, line("app.p", "1||p", ""))
	b.receive(2, at, nil, line("app.d", "", "1||1"), line("app.d", "", "2||2"))
	b.settle()
	b.requireTable("app.d", map[string]string{"2": "2||2"})
}

// That rows may be different in one region alone is told once, when it happens, and again by each relay that is started within a day.
func TestWhatForeignKeysDidInSilenceIsToldAgain(t *testing.T) {
	b := newBed(t, 2)
	var by atomic.Int64
	b.config = func(c *applier.Config) { c.Clock = forward{b.clock, &by} }
	told := func() bool {
		_, is := b.problem("foreign_keys")
		return is
	}
	restart := func() {
		b.kill()
		b.problems = nil
		b.start()
		b.receive(2, now(), nil, line("app.p", "", "2||p")) // what is written comes behind what is told
		b.settle()
	}
	b.d.localIn("app.p", "1||p")
	b.start()
	b.d.localIn("app.p", "-1")
	b.settle()
	if told() {
		t.Fatal("told of a row that one region alone has deleted")
	}
	b.receive(2, now(), nil, line("app.p", "1||p", ""))
	b.settle()
	if !told() {
		t.Fatal("two regions have deleted a row in a chain, and nothing is told")
	}
	if err := b.a.Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	restart()
	if !told() {
		t.Fatal("not told after a restart")
	}
	by.Add(int64(25 * time.Hour))
	restart()
	if told() {
		t.Fatal("told for more than a day")
	}
}
