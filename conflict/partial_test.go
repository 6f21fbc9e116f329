package conflict_test

import (
	"testing"

	"github.com/octant-db/octant/conflict"
	"github.com/octant-db/octant/relay"
)

// TestWhatWasNotLoggedIsNotPutBack: a child that nothing is known of is parted from its parent by our own transaction, and the log has only the child's key as what stood
// there before. It is right as it was written: of the key alone no row can be made.
func TestWhatWasNotLoggedIsNotPutBack(t *testing.T) {
	e := conflict.New(1, []relay.Region{2}, conflict.NewMemory(), conflict.Snapshot{}, 0, nil)
	parent := conflict.Row{Image: relay.Image("p"), Children: []string{"tie p"}}
	deletion := conflict.Transaction{Origin: 2, Seq: 1, HLC: 10, Changes: []conflict.Change{{Key: "p", Before: parent, After: parent.Deleted()}}}
	e.Bereave(func(_ conflict.Key, row conflict.Row, _ string) (conflict.Row, error) { return row, nil })
	wrote := []conflict.Change{
		deletion.Changes[0],
		{Key: "c", Before: conflict.Row{Image: relay.Image("c"), Partial: true}, After: conflict.Row{Image: relay.Image("c parted, and what else it has")}},
	}
	mark := relay.Mark{Origin: 2, Range: relay.Range{From: 1, To: 1}, HLC: 10}
	if err := e.Own(mark, []conflict.Transaction{deletion}, wrote); err != nil {
		t.Fatal(err)
	}
	if e.Owes("c") {
		right, _, _ := e.Right("c")
		t.Errorf("the child is to become %q", right.Row.Image)
	}
}
