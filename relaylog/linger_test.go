package relaylog_test

import (
	"testing"
	"time"

	"github.com/octant-db/octant/relay"
	"github.com/octant-db/octant/relaylog"
)

func TestPatientEntriesGoWithTheNextOne(t *testing.T) {
	groups := make(chan relaylog.Group, 16)
	options := relaylog.Options{Events: relaylog.Events{Synced: func(g relaylog.Group) { groups <- g }}}
	db := open(t, t.TempDir(), options.WithLinger(time.Hour))
	commitFrame(t, db, 1, true)
	commitFrame(t, db, 2, false)
	if g := <-groups; g.Records != 2 {
		t.Errorf("the first group has %d records, want both", g.Records)
	}
}

func TestPatientEntriesGoByThemselves(t *testing.T) {
	db := open(t, t.TempDir(), relaylog.Options{})
	commitFrame(t, db, 1, true)
	if err := db.Local().WaitDurable(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
}

func TestPatientEntriesAreThereAfterClosing(t *testing.T) {
	dir := t.TempDir()
	options := relaylog.Options{}
	db := open(t, dir, options.WithLinger(time.Hour))
	commitFrame(t, db, 1, true)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if last := open(t, dir, relaylog.Options{}).Local().Last(); last != 1 {
		t.Errorf("the log ends at %d, want 1", last)
	}
}

func commitFrame(t *testing.T, db *relaylog.DB, lsn relay.LSN, patient bool) {
	t.Helper()
	w := db.Local().Begin(t.Context())
	if err := w.Append([]byte("bytes")); err != nil {
		t.Fatal(err)
	}
	if patient {
		w.Linger()
	}
	state := relay.State{LSN: lsn - 1}
	e, next := state.Next(1, relay.Captured{Kind: relay.Frame})
	e.Size = 5
	if err := w.Commit(e, next); err != nil {
		t.Fatal(err)
	}
}
