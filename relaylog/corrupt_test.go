package relaylog_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/dgraph-io/badger/v4"
	"pgregory.net/rapid"

	"github.com/octant-db/octant/relay"
	"github.com/octant-db/octant/relaylog"
)

// TestCorrupt flips one bit of every kind of value, below the log, and expects reading it to say so.
func TestCorrupt(t *testing.T) {
	big := bytes.Repeat([]byte("0123456789abcdef"), 40<<10)
	for _, test := range []struct {
		name string
		key  []byte
		read func(db *relaylog.DB) error
		want string
	}{
		{"small entry", relaylog.RecordKey(0, 1), readEntry(1), "local entry 1"},
		{"small entry by cursor", relaylog.RecordKey(0, 1), func(db *relaylog.DB) error {
			c, err := db.Local().Read(1)
			if err != nil {
				return err
			}
			_, _, err = c.Next(t.Context())
			return err
		}, "local entry 1"},
		{"record of a big entry", relaylog.RecordKey(0, 2), readEntry(2), "local entry 2"},
		{"chunk", relaylog.ChunkKey(0, 2, 1), readEntry(2), "local entry 2: chunk 1"},
		{"transaction", relaylog.RecordKey(5, 1), func(db *relaylog.DB) error {
			_, _, err := db.Received(5).Transaction(1)
			return err
		}, "region 5's transaction 1"},
		{"index", []byte("kp1"), func(db *relaylog.DB) error {
			_, err := db.Local().Floor("p", "p1")
			return err
		}, "find the entry"},
		{"store", []byte("ukey"), func(db *relaylog.DB) error {
			_, err := db.Get([]byte("key"))
			return err
		}, "relay store"},
		{"store by scan", []byte("ukey"), func(db *relaylog.DB) error {
			for _, err := range db.Scan([]byte("k"), nil) {
				return err
			}
			return nil
		}, "relay store"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			db := open(t, dir, relaylog.Options{CacheBytes: 1})
			defer func() { db.Close() }()
			commit(t, db, []byte("small"), "p1")
			commit(t, db, big, "p2")
			commit(t, db, nil, "p3")
			receive(t, db, 5, "one", "two")
			if err := db.Write(t.Context(), []relay.Pair{{Key: []byte("key"), Value: []byte("value")}}); err != nil {
				t.Fatal(err)
			}
			if err := test.read(db); err != nil {
				t.Fatal(err)
			}
			flip(t, db, test.key)
			err := test.read(db)
			if !errors.Is(err, relay.ErrCorrupt) || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("reading a flipped bit gave %v", err)
			}
		})
	}
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

// flip turns one bit of the value around.
func flip(t *testing.T, db *relaylog.DB, key []byte) {
	t.Helper()
	err := db.Badger().Update(func(txn *badger.Txn) error {
		item, err := txn.Get(key)
		if err != nil {
			return err
		}
		value, err := item.ValueCopy(nil)
		if err != nil {
			return err
		}
		value[len(value)/2] ^= 4
		return txn.Set(key, value)
	})
	if err != nil {
		t.Fatal(err)
	}
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

// TestAnyDamage gives the reader any bytes under a record's key: it must find fault, not panic.
func TestAnyDamage(t *testing.T) {
	db := open(t, t.TempDir(), relaylog.Options{CacheBytes: 1})
	defer db.Close()
	commit(t, db, []byte("native bytes"))
	rapid.Check(t, func(rt *rapid.T) {
		value := rapid.SliceOfN(rapid.Byte(), 0, 200).Draw(rt, "value")
		err := db.Badger().Update(func(txn *badger.Txn) error { return txn.Set(relaylog.RecordKey(0, 1), value) })
		if err != nil {
			rt.Fatal(err)
		}
		if err := readEntry(1)(db); !errors.Is(err, relay.ErrCorrupt) {
			rt.Fatalf("reading %x gave %v", value, err)
		}
	})
}
