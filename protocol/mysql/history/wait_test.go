package history_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/protocol/mysql/gtid"
	"github.com/octant-db/octant/protocol/mysql/history"
	"github.com/octant-db/octant/relay"
	"github.com/octant-db/octant/relaylog"
)

const server = "3e11fa47-71ca-11e1-9e33-c80aa9429562"

// grow commits an entry of 100 bytes at the offset of a file, after which the position is as given.
func grow(t *testing.T, db *relaylog.DB, file string, offset uint64, after binlog.Position) {
	t.Helper()
	after.File, after.Offset = file, offset+100
	w := db.Local().Begin(t.Context())
	if err := w.Append(make([]byte, 100)); err != nil {
		t.Fatal(err)
	}
	entry, next := db.State().Next(1, relay.Captured{
		Kind: relay.Frame, Position: relay.Position(after.String()), Keys: []string{binlog.PositionKey(file, offset)}, Flavour: binlog.Flavour,
	})
	entry.Size = 100
	if err := w.Commit(entry, next); err != nil {
		t.Fatal(err)
	}
	if err := db.Local().WaitDurable(t.Context(), entry.LSN); err != nil {
		t.Fatal(err)
	}
}

func open(t *testing.T) (*relaylog.DB, history.Log) {
	t.Helper()
	db, err := relaylog.Open(t.TempDir(), relaylog.Options{MinFree: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db, history.Log{Log: db}
}

func mariadbSet(t *testing.T, s string) binlog.Position {
	t.Helper()
	set, err := binlog.ParseSet(s)
	if err != nil {
		t.Fatal(err)
	}
	return binlog.Position{GTIDs: set}
}

// soon is how long nobody waits for what has come already.
const soon = 4 * time.Minute

func TestWaits(t *testing.T) {
	db, log := open(t)
	grow(t, db, "bin.000009", 4, mariadbSet(t, "0-1-7,2-2-5"))
	grow(t, db, "bin.000010", 4, mariadbSet(t, "0-1-8,2-2-5"))
	ended, cancel := context.WithTimeout(t.Context(), 0)
	defer cancel()
	for set, want := range map[string]error{
		"": nil, "0-1-8": nil, "0-9-3, 2-2-5": nil, "0-1-9": context.DeadlineExceeded, "3-1-1": context.DeadlineExceeded, "x": history.ErrMalformed,
	} {
		if err := log.WaitGTIDs(ended, set); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", set, err, want)
		}
	}
	for _, c := range []struct {
		file   string
		offset uint64
		want   error
	}{
		{"bin.000010", 104, nil},
		{"bin.000010", 105, context.DeadlineExceeded},
		{"bin.000009", 999, nil},
		{"bin.000011", 4, context.DeadlineExceeded},
		{"other.000001", 4, context.DeadlineExceeded},
		{"nonsense", 4, context.DeadlineExceeded},
	} {
		if _, err := log.WaitPosition(ended, c.file, c.offset); !errors.Is(err, c.want) {
			t.Errorf("%s:%d: %v, want %v", c.file, c.offset, err, c.want)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	done := make(chan error, 2)
	go func() { done <- log.WaitGTIDs(ctx, "0-1-9") }()
	go func() {
		_, err := log.WaitPosition(ctx, "bin.000010", 204)
		done <- err
	}()
	grow(t, db, "bin.000010", 104, mariadbSet(t, "0-1-9,2-2-5"))
	for range 2 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func TestGTIDsAt(t *testing.T) {
	db, log := open(t)
	grow(t, db, "bin.000009", 4, mariadbSet(t, "0-1-7"))
	grow(t, db, "bin.000009", 104, mariadbSet(t, "0-1-8"))
	for offset, want := range map[uint64]string{0: "-", 4: "-", 50: "-", 104: "0-1-7", 204: "0-1-8", 205: "-"} {
		set, ok, err := log.GTIDsAt("bin.000009", offset)
		if err != nil || ok != (want != "-") || ok && set != want {
			t.Errorf("at %d: %q %v %v, want %q", offset, set, ok, err, want)
		}
	}
	if _, ok, err := log.GTIDsAt("bin.000008", 104); ok || err != nil {
		t.Errorf("in no file: %v %v", ok, err)
	}
}

func TestSetsOfMySQL(t *testing.T) {
	db, log := open(t)
	set, err := gtid.ParseSet(server + ":1-5:9")
	if err != nil {
		t.Fatal(err)
	}
	grow(t, db, "binlog.000001", 4, binlog.Position{Flavour: binlog.MySQL, Executed: set})
	ended, cancel := context.WithTimeout(t.Context(), 0)
	defer cancel()
	for wanted, want := range map[string]error{
		server + ":2-5": nil, server + ":9": nil, server + ":6": context.DeadlineExceeded, "0-1-1": history.ErrMalformed,
	} {
		if err := log.WaitGTIDs(ended, wanted); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", wanted, err, want)
		}
	}
	if at, ok, err := log.GTIDsAt("binlog.000001", 104); at != set.String() || !ok || err != nil {
		t.Errorf("%q %v %v", at, ok, err)
	}
	if ok, err := log.Subset(server+":3", server+":1-5"); !ok || err != nil {
		t.Errorf("subset: %v %v", ok, err)
	}
	if rest, err := log.Subtract(server+":1-5", server+":2-3"); rest != server+":1:4-5" || err != nil {
		t.Errorf("subtract: %q %v", rest, err)
	}
	if _, err := log.Subset("x", ""); !errors.Is(err, history.ErrMalformed) {
		t.Errorf("malformed: %v", err)
	}
}

// FuzzDescribe shows events that nobody wrote.
func FuzzDescribe(f *testing.F) {
	for _, typ := range []byte{2, 4, 5, 13, 15, 16, 19, 23, 26, 29, 30, 33, 35, 38, 40, 42, 160, 161, 162, 163, 165} {
		event := make([]byte, 80)
		event[4], event[9] = typ, 80
		f.Add(event)
	}
	f.Fuzz(func(_ *testing.T, event []byte) { history.Describe(event) })
}
