package relaylog_test

import (
	"fmt"
	"testing"

	"github.com/octant-db/octant/relay"
	"github.com/octant-db/octant/relaylog"
)

// TestFloorLeadsToWhatCanBeRead looks for the newest key while entries are written. Whoever was led to one that cannot be read yet took the log
// for empty, and went on from its end.
func TestFloorLeadsToWhatCanBeRead(t *testing.T) {
	db := open(t, t.TempDir(), relaylog.Options{})
	defer func() { mustClose(t, db) }()
	const entries = 600
	written := make(chan error, 1)
	go func() {
		for n := 1; n <= entries; n++ {
			w := db.Local().Begin(t.Context())
			w.Append([]byte("x"))
			e := relay.Entry{Kind: relay.Local, Seq: relay.Seq(n), Keys: []string{fmt.Sprintf("g%06d", n)}}
			err := w.Commit(e, relay.State{Seq: e.Seq})
			if err == nil {
				err = db.Local().WaitDurable(t.Context(), relay.LSN(n))
			}
			if err != nil {
				written <- err
				return
			}
		}
		written <- nil
	}()
	for newest := relay.LSN(0); newest < entries; {
		lsn, err := db.Local().Floor("g", "g999999")
		if err != nil && newest == 0 {
			continue // the first one is not there yet
		}
		if err != nil || lsn < newest {
			t.Fatalf("the newest key leads to %d after %d: %v", lsn, newest, err)
		}
		if _, _, err := db.Local().Entry(lsn); err != nil {
			t.Fatalf("entry %d: %v", lsn, err)
		}
		newest = lsn
	}
	if err := <-written; err != nil {
		t.Fatal(err)
	}
}
