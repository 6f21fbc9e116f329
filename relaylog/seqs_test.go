package relaylog_test

import (
	"errors"
	"testing"

	"github.com/octant-db/octant/relay"
	"github.com/octant-db/octant/relaylog"
)

// TestTailNeedsNoStore closes the store below the log: what is new must still be found and read.
func TestTailNeedsNoStore(t *testing.T) {
	db := open(t, t.TempDir(), relaylog.Options{})
	defer db.Close()
	const count = 100
	appendBacklog(t, db, count, filler(benchNative))
	receive(t, db, 2, "transaction")
	if err := db.Write(t.Context(), nil); err != nil { // waits for what was received
		t.Fatal(err)
	}
	if err := db.Badger().Close(); err != nil {
		t.Fatal(err)
	}
	for seq := relay.Seq(1); seq <= count; seq++ {
		lsn, err := db.Local().BySeq(seq)
		if err != nil || lsn != relay.LSN(seq) {
			t.Fatalf("sequence %d is at %d (%v)", seq, lsn, err)
		}
		if _, body, err := db.Local().Entry(lsn); err != nil {
			t.Fatal(err)
		} else if native, err := collect(body); err != nil || len(native) != benchNative {
			t.Fatalf("entry %d has %d bytes (%v)", lsn, len(native), err)
		}
	}
	for _, seq := range []relay.Seq{0, count + 1} {
		if _, err := db.Local().BySeq(seq); !errors.Is(err, relay.ErrNotFound) {
			t.Fatalf("sequence %d that nobody wrote gave %v", seq, err)
		}
	}
	readFromStart(t, db, count)
	if _, _, err := db.Received(2).Transaction(1); err != nil {
		t.Fatal(err)
	}
}

func readFromStart(t *testing.T, db *relaylog.DB, count int) {
	t.Helper()
	c, err := db.Local().Read(1)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for range count {
		if _, _, err := c.Next(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// TestBySeqRemembers looks sequences up again after they were found in the store, and after they were trimmed.
func TestBySeqRemembers(t *testing.T) {
	dir := t.TempDir()
	db := open(t, dir, relaylog.Options{})
	appendBacklog(t, db, 20, filler(benchNative))
	mustClose(t, db)
	db = open(t, dir, relaylog.Options{})
	defer mustClose(t, db)
	for range 2 {
		for seq := relay.Seq(1); seq <= 20; seq++ {
			if lsn, err := db.Local().BySeq(seq); err != nil || lsn != relay.LSN(seq) {
				t.Fatalf("sequence %d is at %d (%v)", seq, lsn, err)
			}
		}
	}
	if err := db.Local().Trim(11); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Local().BySeq(10); !errors.Is(err, relay.ErrTrimmed) {
		t.Fatalf("a trimmed sequence gave %v", err)
	}
	if lsn, err := db.Local().BySeq(11); err != nil || lsn != 11 {
		t.Fatalf("sequence 11 is at %d (%v)", lsn, err)
	}
}
