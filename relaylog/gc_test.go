package relaylog_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/octant-db/octant/relay"
	"github.com/octant-db/octant/relaylog"
)

// TestDeletedStaysDeleted has Badger compact values and their deletions, in any order in which it may.
func TestDeletedStaysDeleted(t *testing.T) {
	dir := t.TempDir()
	db := open(t, dir, relaylog.Options{})
	defer func() { mustClose(t, db) }()
	compact := func() { // needs several tables; opening the store again flushes one
		for range 4 {
			writeRange(t, db, "a", 0, 1, []byte("x"))
			writeRange(t, db, "z", 0, 1, []byte("x"))
			mustClose(t, db)
			db = open(t, dir, relaylog.Options{})
		}
		if err := db.Badger().Flatten(1); err != nil {
			t.Fatal(err)
		}
	}
	value := bytes.Repeat([]byte("v"), 2000)
	for i := 0; i < 2500; i += 50 {
		writeRange(t, db, "k", i, i+50, value)
		writeRange(t, db, "d", i, i+50, value)
	}
	compact()
	writeRange(t, db, "d", 0, 2500, nil)
	writeRange(t, db, "k", 0, 1500, nil)
	checkKept(t, db)
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
