package conflict_test

import (
	"slices"
	"testing"

	"github.com/octant-db/octant/conflict"
	"github.com/octant-db/octant/relay"
)

// plan decides one transaction of region 2.
func plan(t *testing.T, e *conflict.Engine, seq relay.Seq, changes ...conflict.Change) (*conflict.Plan, conflict.Transaction) {
	t.Helper()
	tx := conflict.Transaction{Origin: 2, Seq: seq, HLC: relay.HLC(10 * seq), Changes: changes}
	p, err := e.Plan([]conflict.Transaction{tx})
	if err != nil {
		t.Fatal(err)
	}
	return p, tx
}

// newPlainEngine returns region 1 of three. Region 3 says nothing: what 2 writes is kept.
func newPlainEngine(m *conflict.Memory) *conflict.Engine {
	return conflict.New(1, []relay.Region{2, 3}, m, conflict.Snapshot{}, 0, func(conflict.Conflict) {})
}

// TestIntendedParentKeepsItsName has a row that children can name be written as it was planned.
func TestIntendedParentKeepsItsName(t *testing.T) {
	m := conflict.NewMemory()
	e := newPlainEngine(m)
	change := conflict.Change{Key: "a", After: conflict.Row{Image: relay.Image("a"), Children: []string{"tie a"}}}
	p, tx := plan(t, e, 1, change)
	if e.Intended(p.Mark) != nil {
		t.Error("a row that others name is merged as a plain one")
	}
	if err := e.Own(p.Mark, []conflict.Transaction{tx}, []conflict.Change{change}); err != nil {
		t.Fatal(err)
	}
	if reg, known, _ := m.Get("a"); !known || !slices.Equal(reg.Row.Children, change.After.Children) {
		t.Errorf("the register is %+v, want the name by which children know the row", reg)
	}
}

// TestPlainChangeOfHidingRow has a row give up the unique value by which it hides another one: that one is to be put back, though the change says nothing of it.
func TestPlainChangeOfHidingRow(t *testing.T) {
	m := conflict.NewMemory()
	hides := conflict.Row{Image: relay.Image("hides"), Unique: []string{"u"}}
	for k, r := range map[conflict.Key]conflict.Register{
		"hides":  {Version: relay.Version{HLC: 2, Region: 1}, Shown: relay.Version{HLC: 2, Region: 1}, Row: hides},
		"hidden": {Version: relay.Version{HLC: 1, Region: 1}, Shown: relay.Version{HLC: 1, Region: 1}, Row: conflict.Row{Image: relay.Image("hidden"), Unique: []string{"u"}}},
	} {
		if err := m.Put(k, r); err != nil {
			t.Fatal(err)
		}
	}
	p, _ := plan(t, newPlainEngine(m), 1,
		conflict.Change{Key: "other", After: conflict.Row{Image: relay.Image("other")}},
		conflict.Change{Key: "hides", Before: hides, After: conflict.Row{Image: relay.Image("gives way")}})
	var keys []conflict.Key
	for _, w := range p.Writes {
		keys = append(keys, w.Key)
	}
	if want := []conflict.Key{"other", "hides", "hidden"}; !slices.Equal(keys, want) {
		t.Errorf("the plan writes %v, want %v", keys, want)
	}
}

// TestPlainChangesAgain changes rows more than once in one plan: the last change counts, and a row that is in the end as it was is not written.
func TestPlainChangesAgain(t *testing.T) {
	row := func(v string) conflict.Row { return conflict.Row{Image: relay.Image(v)} }
	m := conflict.NewMemory()
	v := relay.Version{HLC: 1, Region: 1}
	if err := m.Put("back", conflict.Register{Version: v, Shown: v, Row: row("was")}); err != nil {
		t.Fatal(err)
	}
	e := newPlainEngine(m)
	p, _ := plan(t, e, 1,
		conflict.Change{Key: "back", Before: row("was"), After: row("is")},
		conflict.Change{Key: "twice", After: row("one")},
		conflict.Change{Key: "twice", Before: row("one"), After: row("two")},
		conflict.Change{Key: "back", Before: row("is"), After: row("was")})
	if len(p.Writes) != 1 || p.Writes[0].Key != "twice" || string(p.Writes[0].After.Image) != "two" || p.Writes[0].Expect != relay.Absent {
		t.Errorf("the plan writes %+v, want the last of what was inserted, and no more", p.Writes)
	}
	q, _ := plan(t, e, 2, conflict.Change{Key: "twice", Before: row("two"), After: row("three")}, conflict.Change{Key: "new", After: row("one")},
		conflict.Change{Key: "twice", Before: row("three"), After: row("four")})
	if len(q.Writes) != 2 || string(q.Writes[0].Before.Image) != "two" || string(q.Writes[0].After.Image) != "four" || q.Writes[0].Expect != relay.Present {
		t.Errorf("the next plan writes %+v, want it to go on from what is on its way", q.Writes)
	}
	r, _ := plan(t, e, 3, conflict.Change{Key: "twice", Before: row("else"), After: row("five")},
		conflict.Change{Key: "back", Before: row("was"), After: row("is")}, conflict.Change{Key: "back", Before: row("is"), After: row("was")})
	if len(r.Writes) != 1 || string(r.Writes[0].Before.Image) != "four" {
		t.Errorf("the third plan writes %+v, want it to go on from what is on its way", r.Writes)
	}
}

// TestIntendedRowsThatMoreIsKnownOf merges a plan that changes a row twice, when more is known of the row behind it than when it was planned: that one is compared with its own write, and none
// is left to be repaired.
func TestIntendedRowsThatMoreIsKnownOf(t *testing.T) {
	row := func(v string) conflict.Row { return conflict.Row{Image: relay.Image(v)} }
	m := conflict.NewMemory()
	e := newPlainEngine(m)
	p, _ := plan(t, e, 1,
		conflict.Change{Key: "twice", After: row("one")},
		conflict.Change{Key: "twice", Before: row("one"), After: row("two")},
		conflict.Change{Key: "known", After: row("planned")},
		conflict.Change{Key: "last", After: row("last")})
	if e.Intended(p.Mark) != p || len(p.Writes) != 3 {
		t.Fatalf("%d writes, and the plan is to be merged from itself", len(p.Writes))
	}
	v := relay.Version{HLC: 1, Region: 1}
	unique := conflict.Row{Image: relay.Image("before"), Unique: []string{"u"}}
	if err := m.Put("known", conflict.Register{Version: v, Shown: v, Row: unique}); err != nil {
		t.Fatal(err)
	}
	if err := e.OwnIntended(p); err != nil {
		t.Fatal(err)
	}
	for k, want := range map[conflict.Key]string{"twice": "two", "known": "planned", "last": "last"} {
		if reg, _, _ := m.Get(k); string(reg.Row.Image) != want {
			t.Errorf("%s is %q, want %q", k, reg.Row.Image, want)
		}
	}
	if _, pending, repairs := e.Size(); pending != 0 || repairs != 0 {
		t.Errorf("%d rows are pending and %d are to be repaired", pending, repairs)
	}
}
