package applier_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/octant-db/octant/relay"
	"github.com/octant-db/octant/relaylog"
)

// ahead puts a transaction into an origin's received stream of which the origin is not sure yet.
func (b *bed) ahead(origin relay.Region, clock relay.HLC, native ...string) relay.Seq {
	b.t.Helper()
	stream := b.log.Received(origin)
	t := relay.Transaction{Origin: origin, Seq: relay.Seq(stream.Last() + 1), HLC: clock, Time: time.Now(), Flavour: flavour}
	w, err := stream.BeginAhead(context.Background(), t)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, n := range native {
		err = errors.Join(err, w.Append([]byte(n)))
	}
	if err := errors.Join(err, w.Commit()); err != nil {
		b.t.Fatal(err)
	}
	return t.Seq
}

// confirm has an origin be sure.
func (b *bed) confirm(origin relay.Region, through relay.Seq) {
	b.t.Helper()
	stream := b.log.Received(origin)
	if err := stream.Confirm(through); err != nil {
		b.t.Fatal(err)
	}
	eventually(b.t, "the transaction to be durable", func() bool { return stream.Last() >= uint64(through) })
}

// takeBack is what a peer's session does when it ends.
func (b *bed) takeBack(origin relay.Region) {
	b.t.Helper()
	if !b.log.Received(origin).TakeBack() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := b.a.TakeBack(ctx, origin); err != nil {
		b.t.Fatal(err)
	}
}

// TestWhatWasSentAheadIsCommittedWhenItIsConfirmed has rows written before, and not committed.
func TestWhatWasSentAheadIsCommittedWhenItIsConfirmed(t *testing.T) {
	b := newBed(t, 2).start()
	b.settle()
	wrote := b.noteWrites()
	seq := b.ahead(2, now(), insert("1||x"))
	<-wrote
	b.goOn("2||local")
	if got := b.d.row("app.t", "1"); got != "" {
		t.Fatalf("committed %q, of which its origin was not sure", got)
	}
	b.confirm(2, seq)
	b.converged()
}

// TestWhatIsTakenBackIsNotCommitted has another transaction in the place of one that was being written.
func TestWhatIsTakenBackIsNotCommitted(t *testing.T) {
	b := newBed(t, 2, 3).start()
	b.settle()
	for i := range 20 {
		wrote := b.noteWrites()
		b.ahead(2, now(), insert(fmt.Sprintf("%d||never was", i)), insert("both||never was"))
		<-wrote
		b.goOn(fmt.Sprintf("beside||%d", i))
		b.takeBack(2)
		b.receive(3, now(), nil, insert(fmt.Sprintf("c%d||x", i)))
		b.receive(2, now(), nil, update("both||x", fmt.Sprintf("both||%d", i)))
	}
	b.converged()
	for i := range 20 {
		if got := b.d.row("app.t", fmt.Sprint(i)); got != "" {
			t.Errorf("%q was committed, and taken back before", got)
		}
	}
}

// goOn lets everything that may happen now happen: the copies are on disk, and what was committed has been merged.
func (b *bed) goOn(row string) {
	b.t.Helper()
	if err := b.log.Write(context.Background(), []relay.Pair{{Key: []byte("k")}}); err != nil {
		b.t.Fatal(err)
	}
	before := b.a.Merged()
	if b.d.local(row) {
		eventually(b.t, "capture to go on", func() bool { return b.a.Merged() > before })
	}
}

// noteWrites returns a channel that is closed when the relay begins to write next.
func (b *bed) noteWrites() <-chan struct{} {
	wrote, done := make(chan struct{}), false
	b.d.hook(func(d *database) {
		d.onBegin = func(relay.Mark) {
			if !done {
				done = true
				close(wrote)
			}
		}
	})
	return wrote
}

// TestSafeCopiesAreTakenUp has a database that shows a transaction which the relay had only as a copy when it ended, and an origin that is gone.
func TestSafeCopiesAreTakenUp(t *testing.T) {
	b := newBed(t, 2)
	seq := b.ahead(2, now(), insert("1||x"))
	if err := b.log.Write(t.Context(), []relay.Pair{{Key: []byte("k")}}); err != nil { // with it the copy is on disk
		t.Fatal(err)
	}
	after := t.TempDir()
	if err := errors.Join(os.CopyFS(after, os.DirFS(b.log.Dir())), b.log.Close()); err != nil {
		t.Fatal(err)
	}
	log, err := relaylog.Open(after, relaylog.Options{MinFree: -1})
	if err != nil {
		t.Fatal(err)
	}
	b.log, b.d.log = log, log
	b.d.hook(func(d *database) {
		d.ledger[2] = seq
		d.record(relay.Applied, &relay.Mark{Origin: 2, Range: relay.Range{From: seq, To: seq}, HLC: now()}, d.set("app.t", "1", "1||x"))
	})
	b.start()
	eventually(t, "the copy to be part of the stream", func() bool { return log.Received(2).Last() == uint64(seq) })
	b.converged()
}

// boast has an origin say something that it takes back.
func (b *bed) boast(rng *rand.Rand, origin relay.Region) {
	b.ahead(origin, now(), insert(fmt.Sprintf("%d||never was", rng.IntN(12))), insert(fmt.Sprintf("%d||never was", rng.IntN(12))))
	if rng.IntN(2) == 0 {
		b.goOn(fmt.Sprintf("beside||%d", rng.Uint32()))
	}
	b.takeBack(origin)
}
