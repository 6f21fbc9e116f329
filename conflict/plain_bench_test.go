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
	table := &relay.Table{Schema: "app", Name: "t"}
	takeRows(b, func(*conflict.Engine) {}, func(id int) conflict.Change {
		return conflict.Change{Key: conflict.Key(fmt.Sprintf("app.t\x00%d", id)), After: conflict.Row{Table: table, Image: make(relay.Image, 80)}}
	})
}

// takeRows takes new rows of another region, in batches as the applier makes them, and forgets each batch.
func takeRows(b *testing.B, ready func(*conflict.Engine), row func(id int) conflict.Change) {
	const rows, batches = 400, 50
	changes := make([][]conflict.Change, batches)
	for n := range changes {
		for i := range rows {
			changes[n] = append(changes[n], row(n*rows+i))
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		e := conflict.New(1, []relay.Region{2}, conflict.NewMemory(), conflict.Snapshot{}, 0, func(conflict.Conflict) {})
		ready(e)
		for n := range changes {
			seq := relay.Seq(n + 1)
			takeBatch(b, e, conflict.Transaction{Origin: 2, Seq: seq, HLC: relay.HLC(seq), Deps: relay.Vector{0, 0, 0}, Changes: changes[n]})
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*rows*batches), "ns/row")
}

// takeBatch plans a transaction, and merges that the log shows what was planned, as the applier does it.
func takeBatch(b *testing.B, e *conflict.Engine, t conflict.Transaction) {
	batch := []conflict.Transaction{t}
	p, err := e.Plan(batch)
	if err != nil || len(p.Writes) != len(t.Changes) {
		b.Fatal(len(p.Writes), err)
	}
	if e.Intended(p.Mark) != nil {
		err = e.OwnIntended(p)
	} else {
		err = e.Own(p.Mark, batch, t.Changes)
	}
	if err != nil {
		b.Fatal(err)
	}
	e.Heard(2, relay.Heartbeat{Last: t.Seq, Promise: t.HLC, Announced: relay.Vector{0, t.HLC}})
	if err := e.Forget(); err != nil {
		b.Fatal(err)
	}
}
