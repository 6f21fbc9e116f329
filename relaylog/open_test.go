package relaylog_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/dgraph-io/badger/v4"

	"github.com/octant-db/octant/relay"
	"github.com/octant-db/octant/relaylog"
)

func mustClose(t *testing.T, db *relaylog.DB) {
	t.Helper()
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// commit writes one entry and waits for it.
func commit(t *testing.T, db *relaylog.DB, native []byte, keys ...string) relay.LSN {
	t.Helper()
	w := db.Local().Begin(t.Context())
	if err := w.Append(native); err != nil {
		t.Fatal(err)
	}
	st := db.State()
	if err := w.Commit(relay.Entry{Kind: relay.Frame, Keys: keys}, relay.State{HLC: st.HLC + 1}); err != nil {
		t.Fatal(err)
	}
	lsn := st.LSN + 1
	if err := db.Local().WaitDurable(t.Context(), lsn); err != nil {
		t.Fatal(err)
	}
	return lsn
}

// inFormat makes a store that says that it has another format.
func inFormat(version byte) func(t *testing.T, dir string) {
	return func(t *testing.T, dir string) {
		db := open(t, dir, relaylog.Options{Identity: "shop/a/1"})
		if err := db.SetFormat(version); err != nil {
			t.Fatal(err)
		}
		mustClose(t, db)
	}
}

func TestOpenRefuses(t *testing.T) {
	for _, test := range []struct {
		name string
		make func(t *testing.T, dir string)
		want string
	}{
		{"another region's log", func(t *testing.T, dir string) {
			mustClose(t, open(t, dir, relaylog.Options{Identity: "shop/b/2"}))
		}, "correct data_dir"},
		{"a newer format", inFormat(relaylog.FormatVersion + 1), "newer octant"},
		{"an older format", inFormat(relaylog.FormatVersion - 1), "older octant"},
		{"somebody else's Badger store", func(t *testing.T, dir string) {
			b, err := badger.Open(badger.DefaultOptions(filepath.Join(dir, "store")).WithLogger(nil))
			if err != nil {
				t.Fatal(err)
			}
			b.Update(func(txn *badger.Txn) error { return txn.Set([]byte("x"), []byte("y")) })
			b.Close()
		}, "another directory"},
		{"a store that is open already", func(t *testing.T, dir string) {
			db := open(t, dir, relaylog.Options{Identity: "shop/a/1"})
			t.Cleanup(func() { mustClose(t, db) })
		}, "lock"},
		{"a store whose tail is gone", cutTail, "was acknowledged"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			test.make(t, dir)
			db, err := relaylog.Open(dir, relaylog.Options{Identity: "shop/a/1"})
			if err == nil {
				db.Close()
				t.Fatal("it was opened")
			}
			if !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), dir) {
				t.Fatalf("the error does not name %q and the directory: %v", test.want, err)
			}
		})
	}
}

// cutTail damages the newest segment, copied while the store was open as after a crash.
func cutTail(t *testing.T, dir string) {
	live := t.TempDir()
	db := open(t, live, relaylog.Options{Identity: "shop/a/1"})
	for range 20 {
		commit(t, db, []byte("native"))
	}
	copyStore(t, dir, live)
	mustClose(t, db)
	damage(t, dir, func(b []byte) []byte {
		b[bytes.LastIndex(b, []byte("native"))] ^= 1
		return b
	})
}

// copyStore copies a store that is open.
func copyStore(t *testing.T, to, from string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	os.Remove(filepath.Join(to, "store", "LOCK"))
}

// damage changes the newest segment.
func damage(t *testing.T, dir string, change func([]byte) []byte) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "log", "*.log"))
	if err != nil || len(files) == 0 {
		t.Fatal("no segments", err)
	}
	newest := files[len(files)-1]
	b, err := os.ReadFile(newest)
	if err == nil {
		err = os.WriteFile(newest, change(b), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestStoreFileThatWasBeingMade kills, as it were, between the making of a store's file and its first byte: when the store is made,
// and when it goes on in its next file.
func TestStoreFileThatWasBeingMade(t *testing.T) {
	for _, name := range []string{"00001.mem", "00002.mem", "00077.mem", "000001.vlog", "000002.vlog", "000077.vlog", "DISCARD"} {
		for _, fresh := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, fresh store: %v", name, fresh), func(t *testing.T) {
				dir := t.TempDir()
				want := relay.LSN(0)
				if fresh {
					os.MkdirAll(filepath.Join(dir, "store"), 0o700)
				} else {
					want = storeAfterACrash(t, dir)
				}
				unborn, err := os.OpenFile(filepath.Join(dir, "store", name), os.O_CREATE|os.O_EXCL, 0o600)
				if errors.Is(err, fs.ErrExist) {
					t.Skip("it has been made")
				}
				unborn.Close()
				db := open(t, dir, relaylog.Options{})
				defer mustClose(t, db)
				if got := db.State().LSN; got != want {
					t.Errorf("the log ends at %d, not at %d", got, want)
				}
				commit(t, db, []byte("native"))
			})
		}
	}
}

// storeAfterACrash leaves the store of a process that was killed in dir and returns its last entry.
func storeAfterACrash(t *testing.T, dir string) (last relay.LSN) {
	live := t.TempDir()
	db := open(t, live, relaylog.Options{})
	defer mustClose(t, db)
	for range 20 {
		last = commit(t, db, []byte("native"))
	}
	copyStore(t, dir, live)
	return last
}

func TestStoreKeepsItsID(t *testing.T) {
	dir := t.TempDir()
	db := open(t, dir, relaylog.Options{})
	id := db.StoreID()
	mustClose(t, db)
	db = open(t, dir, relaylog.Options{})
	defer mustClose(t, db)
	if id == "" || db.StoreID() != id {
		t.Fatalf("the store's id was %q and is %q", id, db.StoreID())
	}
}

func TestClosed(t *testing.T) {
	db := open(t, t.TempDir(), relaylog.Options{})
	commit(t, db, []byte("x"))
	c, err := db.Local().Read(1)
	if err != nil {
		t.Fatal(err)
	}
	mustClose(t, db)
	_, _, next := c.Next(t.Context())
	_, get := db.Get([]byte("k"))
	_, begin := db.Received(2).Begin(t.Context(), relay.Transaction{Origin: 2, Seq: 1})
	for what, err := range map[string]error{
		"next": next, "get": get, "begin": begin, "append": db.Local().Begin(t.Context()).Append([]byte("x")),
		"promise": db.Promise(t.Context(), 1<<40), "write": db.Write(t.Context(), nil), "close": db.Close(),
		"trim": db.Local().Trim(2),
	} {
		if !errors.Is(err, relay.ErrClosed) {
			t.Errorf("%s after Close gave %v", what, err)
		}
	}
}

// TestDiskFull fills the disk and makes room again.
func TestDiskFull(t *testing.T) {
	var failures atomic.Int64
	var room atomic.Uint64
	room.Store(1 << 40)
	dir := t.TempDir()
	opts := relaylog.Options{Events: relaylog.Events{Failed: func(error) { failures.Add(1) }}}
	db := open(t, dir, opts.WithFree(func(string) (uint64, error) { return room.Load(), nil }))
	defer func() { mustClose(t, db) }()
	commit(t, db, []byte("before"))
	before := db.State()

	room.Store(relaylog.DefaultMinFree - 1)
	w := db.Local().Begin(t.Context())
	if err := w.Append(make([]byte, 1<<20)); err != nil && !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	err := w.Commit(relay.Entry{Kind: relay.Frame}, relay.State{HLC: 99})
	if err == nil {
		err = db.Local().WaitDurable(t.Context(), 2)
	}
	if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), dir) {
		t.Fatalf("writing to a full disk gave %v", err)
	}
	if err := db.Write(t.Context(), []relay.Pair{{Key: []byte("k"), Value: []byte("v")}}); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("writing to a full disk gave %v", err)
	}
	if !errors.Is(db.Err(), syscall.ENOSPC) || failures.Load() == 0 {
		t.Fatalf("the log does not say that it fails: %v, %d events", db.Err(), failures.Load())
	}
	if got := db.State(); got.LSN != before.LSN || got.HLC != before.HLC || db.Local().Last() != 1 {
		t.Fatalf("state is %+v after a failed write, was %+v", got, before)
	}
	if err := db.Local().Trim(2); err != nil {
		t.Fatalf("trimming, which makes room, needs room: %v", err)
	}

	room.Store(1 << 40)
	if lsn := commit(t, db, []byte("after")); lsn != 2 || db.Err() != nil {
		t.Fatalf("with room again: entry %d, %v", lsn, db.Err())
	}
	mustClose(t, db)
	db = open(t, dir, relaylog.Options{})
	if got, bytes := db.State(), db.Local().Bytes(); got.LSN != 2 || bytes != int64(len("after")) {
		t.Fatalf("after opening it again the state is %+v, with %d bytes", got, bytes)
	}
}

// TestBroken has Badger fail: nothing is acknowledged any more until the store was opened again.
func TestBroken(t *testing.T) {
	var broken atomic.Bool
	for name, breakIt := range map[string]func(*relaylog.DB){
		"commit": func(db *relaylog.DB) { db.Badger().Close() },
		"sync":   func(*relaylog.DB) { broken.Store(true) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			broken.Store(false)
			db := open(t, dir, relaylog.Options{}.WithSync(func(f *os.File) error {
				if broken.Load() {
					return syscall.EIO
				}
				return f.Sync()
			}))
			commit(t, db, []byte("before"))
			breakIt(db)
			w := db.Local().Begin(t.Context())
			err := errors.Join(w.Append([]byte("lost")), w.Commit(relay.Entry{Kind: relay.Frame}, relay.State{}))
			if err != nil {
				t.Fatal(err)
			}
			err = db.Local().WaitDurable(t.Context(), 2)
			if err == nil && name == "commit" { // it is in the log; what Badger should have got is not
				err = db.Write(t.Context(), []relay.Pair{{Key: []byte("k"), Value: []byte("v")}})
			}
			if err == nil || !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), "opened again") {
				t.Fatalf("waiting for what was lost gave %v", err)
			}
			if err := db.Local().Begin(t.Context()).Append([]byte("x")); err == nil || db.Err() == nil {
				t.Fatalf("a broken log took more: %v, %v", err, db.Err())
			}
			if db.Close() == nil {
				t.Fatal("closing a broken log gave no error")
			}
			db = open(t, dir, relaylog.Options{})
			defer mustClose(t, db)
			if last := db.Local().Last(); last < 1 || last != uint64(db.State().LSN) {
				t.Fatalf("after opening it again: last %d, state %+v", last, db.State())
			}
		})
	}
}
