package conflict_test

import (
	"fmt"
	"testing"

	"github.com/octant-db/octant/conflict"
	"github.com/octant-db/octant/relay"
)

// BenchmarkHotRow merges writes of one row, some of them late, while nothing is settled, as behind a region that is cut off: what one write costs must not grow with their number.
func BenchmarkHotRow(b *testing.B) {
	for _, writes := range []int{1_000, 10_000, 100_000} {
		b.Run(fmt.Sprint(writes), func(b *testing.B) {
			for b.Loop() {
				hotRow(b, writes)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*writes), "ns/write")
		})
	}
}

func hotRow(b *testing.B, writes int) {
	b.Helper()
	e := conflict.New(1, []relay.Region{2}, conflict.NewMemory(), conflict.Snapshot{}, 0, func(conflict.Conflict) {})
	rule := &conflict.Rule{Policy: conflict.Merge, Replay: func(_, _, after conflict.Row) (conflict.Row, error) { return after, nil }}
	e.Govern(func(conflict.Key) *conflict.Rule { return rule })
	before := conflict.Row{}
	for i := range writes {
		if i%4 == 3 { // the other region's writes come a little late
			late := conflict.Row{Image: relay.Image(fmt.Sprint("late ", i))}
			err := e.Carry(&conflict.Transaction{
				Origin: 2, Seq: relay.Seq(i/4 + 1), HLC: relay.HLC(i - 20), Deps: relay.Vector{0, relay.HLC(i - 40)}, Changes: []conflict.Change{{Key: "k", Before: before, After: late}},
			}, &conflict.Landed{})
			if err != nil {
				b.Fatal(err)
			}
			continue
		}
		after := conflict.Row{Image: relay.Image(fmt.Sprint("row ", i))}
		err := e.Local(&conflict.Transaction{
			Origin: 1, Seq: relay.Seq(i + 1), HLC: relay.HLC(i + 1), Changes: []conflict.Change{{Key: "k", Before: before, After: after}},
		})
		if err != nil {
			b.Fatal(err)
		}
		before = after
	}
}
