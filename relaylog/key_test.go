package relaylog_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/octant-db/octant/relay"
	"github.com/octant-db/octant/relaylog"
	"github.com/octant-db/octant/relaylog/segment"
)

// TestKey looks for what was written in the files of a store with a key, and opens it with other keys.
func TestKey(t *testing.T) {
	dir := t.TempDir()
	opts := relaylog.Options{Key: bytes.Repeat([]byte("k"), 32), SegmentBytes: 2000}
	db := open(t, dir, opts)
	for range 10 {
		commit(t, db, []byte("a row's secret value in the log"), "secret key")
	}
	if err := db.Write(t.Context(), []relay.Pair{{Key: []byte("secret fact"), Value: bytes.Repeat([]byte("secret value"), 100)}}); err != nil {
		t.Fatal(err)
	}
	mustClose(t, db)
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if bytes.Contains(b, []byte("secret")) {
			t.Errorf("%s tells a secret", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, key := range map[string][]byte{"none": nil, "another": bytes.Repeat([]byte("x"), 32), "a short one": []byte("short")} {
		if db, err := relaylog.Open(dir, relaylog.Options{Key: key, SegmentBytes: 2000}); err == nil {
			db.Close()
			t.Errorf("it was opened with the wrong key: %s", name)
		} else if name != "a short one" && !errors.Is(err, segment.ErrKey) {
			t.Errorf("the wrong key (%s) gave %v", name, err)
		}
	}
	db = open(t, dir, opts)
	defer func() { mustClose(t, db) }()
	if err := readEntry(3)(db); err != nil {
		t.Error(err)
	}
	if value, err := db.Get([]byte("secret fact")); err != nil || len(value) != 1200 {
		t.Errorf("the fact has %d bytes: %v", len(value), err)
	}
}

func TestKeyForClearStore(t *testing.T) {
	dir := t.TempDir()
	db := open(t, dir, relaylog.Options{})
	commit(t, db, []byte("native"))
	mustClose(t, db)
	if db, err := relaylog.Open(dir, relaylog.Options{Key: bytes.Repeat([]byte("k"), 32)}); err == nil {
		db.Close()
		t.Error("a store in the clear was opened with a key")
	} else if !errors.Is(err, segment.ErrKey) {
		t.Errorf("a store in the clear gave %v", err)
	}
}
