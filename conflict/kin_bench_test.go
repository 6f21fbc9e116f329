package conflict_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/octant-db/octant/conflict"
	"github.com/octant-db/octant/relay"
)

// BenchmarkChildRows takes rows of another region that refer to others, while nothing becomes of those: such as go with them, and such as follow them to another key. For
// scale, the same without foreign keys.
func BenchmarkChildRows(b *testing.B) {
	deletes := relay.Tie{Child: relay.TableName{Schema: "app", Table: "t"}, Parent: relay.TableName{Schema: "app", Table: "p"}, Columns: []string{"p"}}
	for name, parent := range map[string]string{"none": "", "deletes": deletes.Name(), "follows": deletes.Heir().Name()} {
		b.Run(name, func(b *testing.B) { takeChildren(b, parent) })
	}
}

func takeChildren(b *testing.B, parent string) {
	const rows, batches = 400, 50
	changes := make([][]conflict.Change, batches)
	for n := range changes {
		for i := range rows {
			changes[n] = append(changes[n], child(n*rows+i, parent))
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		e := conflict.New(1, []relay.Region{2}, conflict.NewMemory(), conflict.Snapshot{}, 0, func(conflict.Conflict) {})
		e.Follow(nil, heirOf, relay.Follows)
		for n := range changes {
			seq := relay.Seq(n + 1)
			batch := []conflict.Transaction{{Origin: 2, Seq: seq, HLC: relay.HLC(seq), Deps: relay.Vector{0, 0, 0}, Changes: changes[n]}}
			p, err := e.Plan(batch)
			if err != nil || len(p.Writes) != rows {
				b.Fatal(len(p.Writes), err)
			}
			if err := e.Own(p.Mark, batch, changes[n]); err != nil {
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

// child is a row that refers to one of fifty, if it refers to any.
func child(id int, parent string) conflict.Change {
	row := conflict.Row{Image: make(relay.Image, 80)}
	if parent != "" {
		row.Parents = []string{fmt.Sprint(parent, id%50)}
	}
	return conflict.Change{Key: conflict.Key(fmt.Sprintf("app.t\x00%d", id)), After: row}
}

func heirOf(parent string) string {
	tie, ok := relay.ParseTie(parent)
	if !ok {
		return ""
	}
	return tie.Heir().Name() + strings.TrimPrefix(parent, tie.Name())
}
