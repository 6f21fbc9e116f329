package conflict_test

import (
	"fmt"
	"testing"

	"github.com/octant-db/octant/conflict"
	"github.com/octant-db/octant/relay"
)

// BenchmarkPlainRows takes rows of another region as most of them are: the last writer wins, and nobody else has written them. Each is decided, and merged when the log
// shows it.
func BenchmarkPlainRows(b *testing.B) {
	const rows, batches = 400, 50
	table := &relay.Table{Schema: "app", Name: "t"}
	changes := make([][]conflict.Change, batches)
	for n := range changes {
		for i := range rows {
			k := conflict.Key(fmt.Sprintf("app.t\x00%d", n*rows+i))
			changes[n] = append(changes[n], conflict.Change{Key: k, After: conflict.Row{Table: table, Image: make(relay.Image, 80)}})
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		e := conflict.New(1, []relay.Region{2}, conflict.NewMemory(), conflict.Snapshot{}, 0, func(conflict.Conflict) {})
		for n := range changes {
			seq := relay.Seq(n + 1)
			batch := []conflict.Transaction{{Origin: 2, Seq: seq, HLC: relay.HLC(seq), Deps: relay.Vector{0, 0, 0}, Changes: changes[n]}}
			p, err := e.Plan(batch)
			if err != nil || len(p.Writes) != rows {
				b.Fatal(len(p.Writes), err)
			}
			if err := e.OwnIntended(p); err != nil {
				b.Fatal(err)
			}
			e.Heard(2, relay.Heartbeat{Last: seq, Promise: relay.HLC(seq), Announced: relay.Vector{0, relay.HLC(seq)}})
			if err := e.Forget(); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*rows*batches), "ns/row")
}
