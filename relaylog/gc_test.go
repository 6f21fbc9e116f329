package relaylog_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/dgraph-io/badger/v4"

	"github.com/octant-db/octant/relay"
	"github.com/octant-db/octant/relaylog"
)

// TestDeletedStaysDeleted rewrites a value-log file whose deleted values Badger still knows, and then has it compact the deletions.
// Had they been Badger's tombstones, the values would be back.
func TestDeletedStaysDeleted(t *testing.T) {
	dir := t.TempDir()
	db := open(t, dir, relaylog.Options{})
	defer func() { mustClose(t, db) }()
	reopen := func() { // flushes the memtable
		mustClose(t, db)
		db = open(t, dir, relaylog.Options{})
	}
	compact := func() { // needs several tables
		for range 6 {
			writeRange(t, db, "a", 0, 1, []byte("x"))
			writeRange(t, db, "z", 0, 1, []byte("x"))
			reopen()
		}
		if err := db.Badger().Flatten(1); err != nil {
			t.Fatal(err)
		}
	}
	value := bytes.Repeat([]byte("v"), 20_000)
	for i := 0; i < 2500; i += 50 {
		writeRange(t, db, "k", i, i+50, value)
		writeRange(t, db, "d", i, i+50, value)
	}
	compact()
	writeRange(t, db, "d", 0, 2500, nil)
	writeRange(t, db, "k", 0, 500, nil)
	compact() // now the file is known to be mostly dead
	writeRange(t, db, "k", 500, 1500, nil)
	reopen()
	if err := db.Badger().RunValueLogGC(0.5); err != nil && !errors.Is(err, badger.ErrNoRewrite) {
		t.Fatal(err)
	} else if err != nil {
		t.Fatal("the test is worthless: nothing was rewritten")
	}
	if err := db.Badger().Flatten(1); err != nil {
		t.Fatal(err)
	}
	checkKept(t, db)
	reopen()
	compact()
	checkKept(t, db)
}

func writeRange(t *testing.T, db *relaylog.DB, prefix string, from, to int, value []byte) {
	t.Helper()
	for ; from < to; from += 50 {
		var pairs []relay.Pair
		for i := from; i < min(to, from+50); i++ {
			pairs = append(pairs, relay.Pair{Key: fmt.Appendf(nil, "%s%06d", prefix, i), Value: value})
		}
		if err := db.Write(t.Context(), pairs); err != nil {
			t.Fatal(err)
		}
	}
}

func checkKept(t *testing.T, db *relaylog.DB) {
	t.Helper()
	for prefix, want := range map[string]int{"d": 0, "k": 1000} {
		got := 0
		for _, err := range db.Scan([]byte(prefix), nil) {
			if err != nil {
				t.Fatal(err)
			}
			got++
		}
		if got != want {
			t.Fatalf("%d keys with %s are there, want %d", got, prefix, want)
		}
	}
	if _, err := db.Get([]byte("k001000")); !errors.Is(err, relay.ErrNotFound) {
		t.Fatalf("a deleted key gave %v", err)
	}
}

// TestDeletedAreSwept deletes many keys and looks whether opening the store rids it of them.
func TestDeletedAreSwept(t *testing.T) {
	dir := t.TempDir()
	db := open(t, dir, relaylog.Options{})
	defer func() { mustClose(t, db) }()
	writeRange(t, db, "k", 0, 5000, nil)
	writeRange(t, db, "m", 0, 1, []byte("kept"))
	mustClose(t, db)
	db = open(t, dir, relaylog.Options{})
	if n := countKeys(t, db, "u"); n != 1 {
		t.Fatalf("%d store keys are left, want 1", n)
	}
}
