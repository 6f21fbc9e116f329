package history_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/protocol/mysql/history"
	"github.com/octant-db/octant/relay"
	"github.com/octant-db/octant/relaylog"
	"github.com/octant-db/octant/testenv"
	"github.com/octant-db/octant/testenv/envtest"
)

// statements write every kind of event that SHOW BINLOG EVENTS has a text for.
var statements = map[bool][]string{
	false: {
		"SET GLOBAL log_bin_compress = 1", "SET GLOBAL log_bin_compress_min_len = 10",
		"INSERT INTO app.t (v) VALUES (REPEAT('x', 3000))", "UPDATE app.t SET v = REPEAT('y', 3000)", "DELETE FROM app.t",
		"SET GLOBAL log_bin_compress = 0",
		"SET binlog_format = STATEMENT", "INSERT INTO app.t (v) VALUES (CONCAT('a', RAND()))", "SET binlog_format = ROW",
	},
	true: {
		"SET binlog_rows_query_log_events = ON", "INSERT INTO app.t (v) VALUES ('with its text')",
		"SET binlog_transaction_compression = ON", "INSERT INTO app.t (v) VALUES (REPEAT('x', 3000))", "SET binlog_transaction_compression = OFF",
		"SET gtid_next = 'AUTOMATIC:tag'", "INSERT INTO app.t (v) VALUES ('tagged')", "SET gtid_next = 'AUTOMATIC'",
	},
}

// TestEventsAsTheServerShowsThem compares every cell of SHOW BINLOG EVENTS with what a real server says of the same files.
func TestEventsAsTheServerShowsThem(t *testing.T) {
	for _, engine := range testenv.Engines {
		t.Run(engine.String(), func(t *testing.T) {
			t.Parallel()
			s := envtest.Server(t, testenv.ServerOptions{Engine: engine})
			write(t, s, engine.IsMySQL())
			log := history.Log{Log: load(t, s)}
			for _, file := range files(t, s) {
				want := shown(t, s, "SHOW BINLOG EVENTS IN '"+file+"'")
				var got []string
				if err := log.Events(t.Context(), file, 0, func(e history.Event) bool {
					got = append(got, fmt.Sprintf("%s|%d|%s|%d|%d|%s", file, e.Offset, e.Type, e.ServerID, e.End, e.Info))
					return true
				}); err != nil {
					t.Fatal(err)
				}
				compare(t, got, want)
			}
		})
	}
}

// compare tells the lines that differ. A server of 11.4 or later shows 0 for the end of an event that does not know it.
func compare(t *testing.T, got, want []string) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%d events, want %d", len(got), len(want))
	}
	for i := range min(len(got), len(want)) {
		g, w := strings.SplitN(got[i], "|", 6), strings.SplitN(want[i], "|", 6)
		if w[4] == "0" {
			g[4] = "0"
		}
		if strings.Join(g, "|") != strings.Join(w, "|") {
			t.Errorf("event %d:\n%s\nwant\n%s", i, got[i], want[i])
		}
	}
}

func write(t *testing.T, s *testenv.Server, isMySQL bool) {
	t.Helper()
	ctx := envtest.Context(t, time.Minute)
	conn, err := s.DB().Conn(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	common := []string{
		"CREATE DATABASE app", "USE app", "CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, v TEXT)",
		"INSERT INTO t (v) VALUES ('x'), ('y')", "BEGIN", "UPDATE t SET v = 'z' WHERE id = 1", "DELETE FROM t WHERE id = 2", "COMMIT",
		"XA START 'a1', 'b', 7", "INSERT INTO t (v) VALUES ('q')", "XA END 'a1', 'b', 7", "XA PREPARE 'a1', 'b', 7",
	}
	common = append(common, "XA COMMIT 'a1', 'b', 7")
	last := []string{"FLUSH BINARY LOGS", "ALTER TABLE t ADD COLUMN w INT", "DROP TABLE t"}
	list := slices.Concat(common, statements[isMySQL], last)
	for _, statement := range list {
		if _, err := conn.ExecContext(ctx, statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

func files(t *testing.T, s *testenv.Server) []string {
	t.Helper()
	var names []string
	for _, row := range shown(t, s, "SHOW BINARY LOGS") {
		name, _, _ := strings.Cut(row, "|")
		names = append(names, name)
	}
	return names
}

// shown returns a statement's rows, with | between the cells.
func shown(t *testing.T, s *testenv.Server, statement string) (list []string) {
	t.Helper()
	rows, err := s.DB().QueryContext(t.Context(), statement)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	cells, into := make([]sql.NullString, len(columns)), make([]any, len(columns))
	for i := range cells {
		into[i] = &cells[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			t.Fatal(err)
		}
		var texts []string
		for _, c := range cells {
			texts = append(texts, c.String)
		}
		list = append(list, strings.Join(texts, "|"))
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return list
}

// load puts the server's files into a relay log, an entry for each event.
func load(t *testing.T, s *testenv.Server) relay.Log {
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
	w := writer{t: t, db: db, flavour: binlog.Flavour}
	if s.Engine().IsMySQL() {
		w.flavour = binlog.MySQL
	}
	for _, file := range files(t, s) {
		w.file(file, s.BinlogFile(file))
	}
	return db
}

// writer writes a relay log as capture does, but with single events.
type writer struct {
	t       *testing.T
	db      *relaylog.DB
	flavour relay.Flavour
}

func (w *writer) file(name, path string) {
	w.t.Helper()
	content, err := os.ReadFile(filepath.Clean(path))
	if err != nil {
		w.t.Fatal(err)
	}
	offset := uint64(4)
	for event, err := range binlog.Events(binlog.One(content[4:])) {
		if err != nil {
			w.t.Fatal(err)
		}
		w.event(name, offset, event)
		offset += uint64(len(event))
	}
}

func (w *writer) event(file string, offset uint64, event []byte) {
	w.t.Helper()
	state := w.db.State()
	if last := relay.LSN(w.db.Local().Last()); last > state.LSN {
		w.t.Fatal("the log is ahead of its state")
	}
	e := w.db.Local().Begin(w.t.Context())
	if err := e.Append(event); err != nil {
		w.t.Fatal(err)
	}
	position := binlog.Position{Flavour: w.flavour, File: file, Offset: offset + uint64(len(event))}
	entry, next := state.Next(1, relay.Captured{
		Kind: relay.Frame, Position: relay.Position(position.String()), Keys: []string{binlog.PositionKey(file, offset)}, Flavour: w.flavour,
	})
	entry.Size = int64(len(event))
	if err := e.Commit(entry, next); err != nil {
		w.t.Fatal(err)
	}
	if err := w.db.Local().WaitDurable(w.t.Context(), entry.LSN); err != nil {
		w.t.Fatal(err)
	}
}

func TestEventsFromAPlace(t *testing.T) {
	s := envtest.Server(t, testenv.ServerOptions{})
	write(t, s, false)
	log := history.Log{Log: load(t, s)}
	file := files(t, s)[0]
	var all []history.Event
	collect := func(e history.Event) bool { all = append(all, e); return true }
	if err := log.Events(t.Context(), file, 0, collect); err != nil {
		t.Fatal(err)
	}
	third := all[2]
	all = nil
	if err := log.Events(t.Context(), file, third.Offset, collect); err != nil || all[0] != third {
		t.Errorf("from an event: %v, %+v", err, all[:min(1, len(all))])
	}
	end := all[len(all)-1].End
	all = nil
	if err := log.Events(t.Context(), file, end, collect); err != nil || len(all) > 0 {
		t.Errorf("from the end: %v, %d events", err, len(all))
	}
	if err := log.Events(t.Context(), file, third.Offset+1, collect); !errors.Is(err, history.ErrNoEvent) {
		t.Errorf("from within an event: %v", err)
	}
	if err := log.Events(t.Context(), "nothing.000001", 0, collect); !errors.Is(err, relay.ErrNotFound) {
		t.Errorf("of no file: %v", err)
	}
	seen := 0
	if err := log.Events(t.Context(), file, 0, func(history.Event) bool { seen++; return seen < 3 }); err != nil || seen != 3 {
		t.Errorf("until the reader has enough: %v, %d events", err, seen)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := log.Events(ctx, file, 0, collect); err == nil {
		t.Error("a context that has ended is not noticed")
	}
}
