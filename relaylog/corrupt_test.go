package relaylog_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/octant-db/octant/relay"
	"github.com/octant-db/octant/relaylog"
)

// small lets every few records begin a new segment, so that opening a store does not read them all.
var small = relaylog.Options{CacheBytes: 1, SegmentBytes: 4 << 10}

// TestCorrupt flips one bit of what was written long ago, and expects reading it to say so.
func TestCorrupt(t *testing.T) {
	for _, test := range []struct {
		name, bytes string
		read        func(db *relaylog.DB) error
		want        string
	}{
		{"small entry", "the small one", readEntry(1), "local entry 1"},
		{"small entry by cursor", "the small one", readFirst, "local entry 1"},
		{"chunk", "marker in chunk 1", readEntry(2), "local entry 2: chunk 1"},
		{"transaction", "transaction one", func(db *relaylog.DB) error {
			_, _, err := db.Received(5).Transaction(1)
			return err
		}, "region 5's transaction 1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			writeOfAllKinds(t, dir)
			db := open(t, dir, small)
			if err := test.read(db); err != nil {
				t.Fatal(err)
			}
			mustClose(t, db)
			flip(t, dir, test.bytes)
			db = open(t, dir, small)
			defer func() { mustClose(t, db) }()
			err := test.read(db)
			if !errors.Is(err, relay.ErrCorrupt) || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("reading a flipped bit gave %v", err)
			}
		})
	}
}

func writeOfAllKinds(t *testing.T, dir string) {
	t.Helper()
	db := open(t, dir, small)
	commit(t, db, []byte("the small one"), "p1")
	big := bytes.Repeat([]byte("0123456789abcdef"), 40<<10)
	copy(big[300<<10:], "marker in chunk 1")
	commit(t, db, big, "p2")
	receive(t, db, 5, "transaction one", "transaction two")
	for range 40 {
		commit(t, db, make([]byte, 500))
	}
	mustClose(t, db)
}

func readFirst(db *relaylog.DB) error {
	c, err := db.Local().Read(1)
	if err != nil {
		return err
	}
	defer c.Close()
	ctx, cancel := contextWithTimeout()
	defer cancel()
	_, _, err = c.Next(ctx)
	return err
}

func readEntry(lsn relay.LSN) func(*relaylog.DB) error {
	return func(db *relaylog.DB) error {
		_, body, err := db.Local().Entry(lsn)
		if err == nil {
			_, err = collect(body)
		}
		return err
	}
}

// flip turns one bit around where the text stands in a segment.
func flip(t *testing.T, dir, text string) {
	t.Helper()
	files, _ := filepath.Glob(filepath.Join(dir, "log", "*.log"))
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if i := bytes.Index(b, []byte(text)); i >= 0 {
			b[i+3] ^= 4
			if err := os.WriteFile(file, b, 0o600); err != nil {
				t.Fatal(err)
			}
			return
		}
	}
	t.Fatalf("%q is in no segment", text)
}

// receive writes transactions of a region, from where it stands, and waits for them.
func receive(t *testing.T, db *relaylog.DB, r relay.Region, natives ...string) {
	t.Helper()
	for _, native := range natives {
		db.Write(t.Context(), nil)
		w, err := db.Received(r).Begin(t.Context(), relay.Transaction{Origin: r, Seq: relay.Seq(db.Received(r).Last() + 1)})
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(w.Append([]byte(native)), w.Commit(), db.Write(t.Context(), nil)); err != nil {
			t.Fatal(err)
		}
	}
}

// TestAnyDamageToTheTail cuts the newest segment anywhere, or flips any bit of it: opening the store must refuse, or nothing may be missing. If
// the file that remembers the end is lost too, what is left must be a beginning of what was there.
func TestAnyDamageToTheTail(t *testing.T) {
	live := t.TempDir()
	db := open(t, live, relaylog.Options{CacheBytes: 1})
	for i := range 20 {
		commit(t, db, fmt.Appendf(nil, "native %d", i))
	}
	saved := t.TempDir()
	copyStore(t, saved, live)
	mustClose(t, db)
	size := len(newest(t, saved))
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp(t.TempDir(), "")
		if err != nil {
			rt.Fatal(err)
		}
		defer os.RemoveAll(dir)
		copyStore(t, dir, saved)
		at := rapid.IntRange(0, size-1).Draw(rt, "at")
		if cut := rapid.Bool().Draw(rt, "cut"); cut {
			damage(t, dir, func(b []byte) []byte { return b[:at] })
		} else {
			damage(t, dir, func(b []byte) []byte { b[at] ^= 1 << (at % 8); return b })
		}
		checkDamaged(rt, dir)
	})
}

func checkDamaged(t *rapid.T, dir string) {
	db, err := relaylog.Open(dir, relaylog.Options{CacheBytes: 1})
	if err != nil {
		return
	}
	defer db.Close()
	if last := db.Local().Last(); last != 20 {
		t.Fatalf("the store was opened with %d entries of 20", last)
	}
	for n := range 20 {
		_, body, err := db.Local().Entry(relay.LSN(n + 1))
		if err != nil {
			t.Fatal(err)
		}
		if native, err := collect(body); err != nil || string(native) != fmt.Sprintf("native %d", n) {
			t.Fatalf("entry %d is %q (%v)", n+1, native, err)
		}
	}
}

func newest(t *testing.T, dir string) (content []byte) {
	t.Helper()
	damage(t, dir, func(b []byte) []byte { content = b; return b })
	return content
}
