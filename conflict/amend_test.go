package conflict_test

import (
	"testing"

	"github.com/octant-db/octant/conflict"
	"github.com/octant-db/octant/relay"
)

// amend passes what an operator's repair wrote.
func amend(t *testing.T, e *conflict.Engine, mark relay.Mark, before string, after ...string) {
	t.Helper()
	var changes []conflict.Change
	for _, text := range after {
		c := conflict.Change{Key: rowKey, After: row(text)}
		if before != "" {
			c.Before = row(before)
		}
		if text == "" {
			c.After = c.Before.Deleted()
		}
		for _, r := range []*conflict.Row{&c.Before, &c.After} {
			if r.Exists() {
				r.Unique = []string{"app.t\x01u\x00" + string(r.Image)} // one that changes with the row
			}
		}
		changes, before = append(changes, c), text
	}
	if err := e.Own(mark, nil, changes); err != nil {
		t.Fatal(err)
	}
}

func requireRepairs(t *testing.T, e *conflict.Engine, want int) {
	t.Helper()
	if _, _, repairs := e.Size(); repairs != want {
		t.Fatalf("%d rows wait for repair, want %d", repairs, want)
	}
}

var amendment = relay.Mark{Origin: 1, HLC: relay.Amendment, Nonce: 1 << 62}

// TestAmendmentsStand: what an operator's repair writes over a row that has been forgotten is not taken for a trigger's work.
func TestAmendmentsStand(t *testing.T) {
	for _, policy := range []conflict.Policy{conflict.LWW, conflict.Rollback} {
		for _, after := range [][]string{{"right"}, {""}, {"", "right"}} {
			index := conflict.NewMemory()
			e := newEngine(index, conflict.Snapshot{}, policy)
			amend(t, e, amendment, "wrong", after...)
			if _, _, repairs := e.Size(); repairs != 0 {
				t.Errorf("%s: %q: %d rows wait for repair", policy, after, repairs)
			}
		}
	}
	e := newEngine(conflict.NewMemory(), conflict.Snapshot{}, conflict.LWW)
	amend(t, e, relay.Mark{Origin: 1, Nonce: 1 << 62}, "right", "a trigger's")
	requireRepairs(t, e, 1)
}

// TestAmendmentsBeatNobody: a row that an application has written, and that is not forgotten, is put back if a repair covers it; and what comes
// after an amendment wins over it.
func TestAmendmentsBeatNobody(t *testing.T) {
	index := conflict.NewMemory()
	e := newEngine(index, conflict.Snapshot{}, conflict.LWW)
	local(t, e, 1, 10, "old", "newer")
	amend(t, e, amendment, "newer", "right once")
	requireRepairs(t, e, 1)
	requireRow(t, index, "newer")

	index = conflict.NewMemory()
	e = newEngine(index, conflict.Snapshot{}, conflict.LWW)
	amend(t, e, amendment, "wrong", "right")
	local(t, e, 1, 10, "right", "newer")
	requireRow(t, index, "newer")
	requireRepairs(t, e, 0)
}

// TestHalfARowIsNotPutBack: a repair takes away a row that nobody remembers and that the log does not have whole. What would be put back has only its key.
func TestHalfARowIsNotPutBack(t *testing.T) {
	for partial, repairs := range map[bool]int{false: 1, true: 0} {
		e := newEngine(conflict.NewMemory(), conflict.Snapshot{}, conflict.LWW)
		c := conflict.Change{Key: rowKey, Before: row("key")}
		c.Before.Partial = partial
		c.After = c.Before.Deleted()
		if err := e.Own(relay.Mark{Origin: 1, Nonce: 7}, nil, []conflict.Change{c}); err != nil {
			t.Fatal(err)
		}
		requireRepairs(t, e, repairs)
	}
}
