package relaylog_test

import (
	"testing"

	"github.com/octant-db/octant/relay"
	"github.com/octant-db/octant/relaylog"
)

// TestAStoreGoesOnBehindAnotherRegionsData: numbers, clock and what was seen go on from there, after the next opening too.
func TestAStoreGoesOnBehindAnotherRegionsData(t *testing.T) {
	dir := t.TempDir()
	open := func() *relaylog.DB {
		t.Helper()
		db, err := relaylog.Open(dir, relaylog.Options{Identity: "n"})
		if err != nil {
			t.Fatal(err)
		}
		return db
	}
	state := relay.State{HLC: 5000, LSN: 77, Seq: 3, Seen: []relay.SeqHLC{{}, {Seq: 9, HLC: 4000}, {}, {Seq: 12, HLC: 4500}}}
	db := open()
	if err := db.Adopt(t.Context(), state); err != nil {
		t.Fatal(err)
	}
	check := func() {
		t.Helper()
		s := db.State()
		if s.LSN != 77 || s.Seq != 3 || s.HLC < 5000 || len(s.Seen) != 4 || s.Seen[3] != state.Seen[3] {
			t.Errorf("the state is %+v", s)
		}
		for _, c := range []struct {
			what string
			s    relay.Stream
			last uint64
		}{{"local", db.Local(), 77}, {"1", db.Received(1), 9}, {"2", db.Received(2), 0}, {"3", db.Received(3), 12}} {
			if c.s.Last() != c.last || c.s.First() != c.last+1 {
				t.Errorf("stream %s has %d to %d, want it to begin behind %d", c.what, c.s.First(), c.s.Last(), c.last)
			}
		}
	}
	check()
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db = open()
	defer db.Close()
	check()
	w := db.Local().Begin(t.Context())
	if err := w.Append([]byte("x")); err != nil {
		t.Fatal(err)
	}
	e, next := db.State().Next(2, relay.Captured{Kind: relay.Local, Position: "p"})
	e.Size = 1
	if err := w.Commit(e, next); err != nil {
		t.Fatal(err)
	}
	if err := db.Local().WaitDurable(t.Context(), 78); err != nil {
		t.Fatal(err)
	}
	if lsn, err := db.Local().BySeq(4); lsn != 78 || err != nil {
		t.Errorf("transaction 4 is entry %d, %v", lsn, err)
	}
	if err := db.Adopt(t.Context(), state); err == nil {
		t.Error("a store that has entries was begun anew")
	}
}
