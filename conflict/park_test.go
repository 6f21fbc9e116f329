package conflict_test

import (
	"testing"

	"github.com/octant-db/octant/conflict"
	"github.com/octant-db/octant/relay"
)

// TestParkedRow follows a row whose write was left out: it is owed, other rows are repaired, the stable cut goes on, and the next write
// takes its place.
func TestParkedRow(t *testing.T) {
	e := conflict.New(1, []relay.Region{2}, conflict.NewMemory(), conflict.Snapshot{}, 0, nil)
	row := func(s string) conflict.Row { return conflict.Row{Image: relay.Image(s)} }
	arrive := func(seq relay.Seq, left conflict.Key, changes ...conflict.Change) {
		t.Helper()
		tr := conflict.Transaction{Origin: 2, Seq: seq, HLC: relay.HLC(10 * seq), Changes: changes}
		p, err := e.Plan([]conflict.Transaction{tr})
		if err != nil {
			t.Fatal(err)
		}
		e.LeaveOut(p, func(w *conflict.Write) bool { return w.Key == left })
		var wrote []conflict.Change
		for _, w := range p.Writes {
			wrote = append(wrote, conflict.Change{Key: w.Key, After: w.After})
		}
		if err := e.Own(p.Mark, []conflict.Transaction{tr}, wrote); err != nil {
			t.Fatal(err)
		}
	}
	arrive(1, "bad", conflict.Change{Key: "bad", After: row("1")}, conflict.Change{Key: "good", After: row("1")})
	if !e.Owes("bad") || e.Owes("good") {
		t.Fatal("the row that was left out is owed, and no other")
	}
	if _, ok := e.Announce(); ok {
		t.Fatal("announced while a row waits for repair")
	}
	if !e.Park("bad") || e.Park("good") || e.Parked() != 1 {
		t.Fatal("only what is owed can be parked")
	}
	if _, ok := e.Announce(); !ok {
		t.Fatal("a parked row holds the stable cut up")
	}
	if p, err := e.Repair(10); p != nil || err != nil {
		t.Fatalf("planned %+v (%v) of a parked row", p, err)
	}
	if keys := e.Snapshot().Repairs; len(keys) != 1 || keys[0] != "bad" {
		t.Fatalf("saved are %q", keys)
	}
	arrive(2, "bad", conflict.Change{Key: "bad", After: row("2")})
	e.Unpark("bad")
	p, err := e.Repair(10)
	if err != nil || len(p.Writes) != 1 || string(p.Writes[0].After.Image) != "2" {
		t.Fatalf("planned %+v (%v), want the newest write", p, err)
	}
	if err := e.Own(p.Mark, nil, []conflict.Change{{Key: "bad", After: row("2")}}); err != nil || e.Owes("bad") {
		t.Fatalf("still owed (%v)", err)
	}
}
