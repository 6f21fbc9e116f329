package relay_test

import (
	"errors"
	"testing"

	"github.com/octant-db/octant/relay"
)

// TestForeignMarks loads another region's bookkeeping: marks of what was never received here are no marks.
func TestForeignMarks(t *testing.T) {
	n := newNode(t, newNetwork(), 1)
	marks := []relay.Mark{
		{Origin: 5, Range: relay.Range{From: 1, To: 9}, HLC: 7}, // never received
		{Origin: 1, Range: relay.Range{From: 1, To: 9}, HLC: 7}, // our own transactions do not come back
		{Origin: 2, Nonce: 4}, // somebody else's repair
	}
	for i := range marks {
		n.source.add(relay.Applied, &marks[i], []byte("row"))
	}
	n.source.add(relay.Applied, &relay.Mark{Origin: 1, Nonce: 4}, []byte("row"))
	n.source.add(relay.Applied, &relay.Mark{Origin: 60, Range: relay.Range{From: 3, To: 4}}, []byte("row"))
	n.start().captured()
	for i := range 5 {
		e, _, err := n.db.Local().Entry(relay.LSN(i + 1))
		if err != nil {
			t.Fatal(err)
		}
		if ours := i >= len(marks); ours != (e.Kind == relay.Applied) {
			t.Errorf("entry %d is %v", i+1, e.Kind)
		}
	}
	if p, ok := n.problem("foreign_mark"); !ok || p.Count != uint64(len(marks)) {
		t.Errorf("reported: %+v", p)
	}
}

// TestMarksOfWhatWasSentAhead has the database show a transaction before it is part of the stream: it was safe without that.
func TestMarksOfWhatWasSentAhead(t *testing.T) {
	n := newNode(t, newNetwork(), 1).start()
	w, err := n.db.Received(5).BeginAhead(t.Context(), relay.Transaction{Origin: 5, Seq: 1, HLC: 7})
	if err := errors.Join(err, w.Commit()); err != nil {
		t.Fatal(err)
	}
	n.source.add(relay.Applied, &relay.Mark{Origin: 5, Range: relay.Range{From: 1, To: 1}, HLC: 7}, []byte("row"))
	n.source.add(relay.Applied, &relay.Mark{Origin: 5, Range: relay.Range{From: 2, To: 2}, HLC: 8}, []byte("row"))
	n.captured()
	for i, want := range []relay.EntryKind{relay.Applied, relay.Local} {
		if e, _, err := n.db.Local().Entry(relay.LSN(i + 1)); err != nil || e.Kind != want {
			t.Errorf("entry %d is %v, want %v (%v)", i+1, e.Kind, want, err)
		}
	}
	if last := n.db.Received(5).Last(); last != 0 {
		t.Errorf("the stream ends at %d", last)
	}
}

func TestMarkFitsItsTarget(t *testing.T) {
	for _, c := range []struct {
		mark relay.Mark
		fits bool
	}{
		{relay.Mark{Origin: 1, Lane: 0}, true},
		{relay.Mark{Origin: relay.MaxRegions, Lane: 3}, true},
		{relay.Mark{Origin: 1, Lane: 4}, false},
		{relay.Mark{Origin: 1, Lane: -1}, false},
		{relay.Mark{Origin: 0, Lane: 0}, false},
	} {
		if err := c.mark.Fits(4); (err == nil) != c.fits {
			t.Errorf("a mark of region %d on lane %d of 4: %v", c.mark.Origin, c.mark.Lane, err)
		}
	}
}
