package conflict

import (
	"testing"

	"pgregory.net/rapid"
)

// TestMarks: whatever is folded, unfolded and settled, there are few marks, and a write that is late by some events is never far behind one.
func TestMarks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var list marks
		counts := 0
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			switch rapid.IntRange(0, 9).Draw(t, "step") {
			case 0:
				late := rapid.IntRange(0, counts).Draw(t, "late")
				list = list.before(late)
				if n := len(list); n > 0 && list[n-1].counts > late {
					t.Fatalf("a mark of %d events where %d count", list[n-1].counts, late)
				}
			case 1:
				n := rapid.IntRange(0, counts).Draw(t, "settled")
				list, counts = list.moved(n), counts-n
			default:
				counts += rapid.SampledFrom([]int{1, 20, 5000}).Draw(t, "written")
			}
			from := 0
			if n := len(list); n > 0 {
				from = list[n-1].counts
			}
			for at := from + 1; at <= counts; at++ {
				if list.due(at) {
					list = list.with(mark{counts: at})
				}
			}
			checkMarks(t, list, counts)
		}
	})
}

func checkMarks(t *rapid.T, list marks, counts int) {
	if len(list) > 80 {
		t.Fatalf("%d marks of %d events", len(list), counts)
	}
	for i, later := counts, len(list); later > 0; i -= stride {
		for later > 0 && list[later-1].counts > i {
			later--
		}
		if later == 0 {
			break
		}
		late := counts - i
		if again := counts - list[later-1].counts; again > 2*late+2*stride {
			t.Fatalf("a write that is %d events late has %d folded again", late, again)
		}
	}
}
