package binlog_test

import (
	"context"
	"database/sql"
	"encoding/hex"
	"fmt"
	"iter"
	"math"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"

	_ "github.com/go-sql-driver/mysql"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/relay"
	"github.com/octant-db/octant/testenv"
)

// shared is the one server of this package's tests; TestMain ends it.
var shared struct {
	once   sync.Once
	server *testenv.Server
	err    error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if shared.server != nil {
		if err := shared.server.Close(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// session is one connection to the shared server, with the settings that AppendLiteral asks for.
type session struct {
	t      *testing.T
	conn   *sql.Conn
	server *testenv.Server
}

func connect(t *testing.T) *session {
	t.Helper()
	if testing.Short() {
		t.Skip("needs a database server")
	}
	shared.once.Do(func() {
		dir, err := os.MkdirTemp("", "bl")
		if err != nil {
			shared.err = err
			return
		}
		shared.server, shared.err = testenv.StartServer(context.Background(), testenv.ServerOptions{Dir: dir, ID: 3, Relaxed: true})
	})
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	s := &session{t: t, server: shared.server}
	db, err := sql.Open("mysql", fmt.Sprintf("root@unix(%s)/?maxAllowedPacket=0", shared.server.Socket()))
	if err != nil {
		t.Fatal(err)
	}
	if s.conn, err = db.Conn(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.conn.Close(); db.Close() })
	s.exec("SET sql_mode='ALLOW_INVALID_DATES', time_zone='+00:00', NAMES utf8mb4")
	for _, schema := range []string{"src", "kept", "viabinlog"} {
		s.exec("DROP DATABASE IF EXISTS " + schema)
		s.exec("CREATE DATABASE " + schema)
	}
	return s
}

func (s *session) exec(query string) {
	s.t.Helper()
	if _, err := s.conn.ExecContext(s.t.Context(), query); err != nil {
		s.t.Fatalf("%.300s: %v", query, err)
	}
}

// rows returns a query's result as text; NULL is "NULL".
func (s *session) rows(query string) [][]string {
	s.t.Helper()
	rows, err := s.conn.QueryContext(s.t.Context(), query)
	if err != nil {
		s.t.Fatalf("%.300s: %v", query, err)
	}
	defer rows.Close()
	names, _ := rows.Columns()
	var all [][]string
	for rows.Next() {
		cells, into := make([]sql.NullString, len(names)), make([]any, len(names))
		for i := range cells {
			into[i] = &cells[i]
		}
		if err := rows.Scan(into...); err != nil {
			s.t.Fatal(err)
		}
		row := make([]string, len(cells))
		for i, c := range cells {
			if row[i] = c.String; !c.Valid {
				row[i] = "NULL"
			}
		}
		all = append(all, row)
	}
	if err := rows.Err(); err != nil {
		s.t.Fatal(err)
	}
	return all
}

// logged runs the function and returns the binlog file that holds what it did, whole.
func (s *session) logged(f func()) []byte {
	s.t.Helper()
	s.exec("FLUSH BINARY LOGS")
	file := s.rows("SHOW MASTER STATUS")[0][0]
	f()
	s.exec("FLUSH BINARY LOGS")
	b, err := os.ReadFile(s.server.BinlogFile(file))
	if err != nil {
		s.t.Fatal(err)
	}
	return b
}

// inPieces yields the bytes in pieces of the size, so that events lie across their borders.
func inPieces(b []byte, size int) relay.Body {
	return func(yield func([]byte, error) bool) {
		for len(b) > 0 {
			n := min(size, len(b))
			if !yield(b[:n:n], nil) {
				return
			}
			b = b[n:]
		}
	}
}

func collect[T any](t testing.TB, seq iter.Seq2[T, error]) []T {
	t.Helper()
	var all []T
	for v, err := range seq {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, v)
	}
	return all
}

// changesOf decodes a file, and checks on the way that its events are the file.
func changesOf(t *testing.T, file []byte) []relay.Change {
	t.Helper()
	var joined []byte
	for _, e := range collect(t, binlog.Events(inPieces(file[4:], 777))) {
		joined = append(joined, e...)
	}
	if string(joined) != string(file[4:]) {
		t.Fatal("the events of the file, joined, are not the file")
	}
	return collect(t, binlog.NewDecoder(binlog.NewTableCache()).Changes(inPieces(file[4:], 10_000)))
}

// rowsOf keeps the changes of rows in schema src.
func rowsOf(changes []relay.Change) []relay.Change {
	var rows []relay.Change
	for _, c := range changes {
		if c.Table != nil && c.Table.Schema == "src" {
			rows = append(rows, c)
		}
	}
	return rows
}

// formatOf returns the file's format description for BINLOG statements.
func formatOf(t *testing.T, file []byte) []byte {
	t.Helper()
	fde, err := binlog.FormatForDump(collect(t, binlog.Events(binlog.One(file[4:])))[0], true)
	if err != nil {
		t.Fatal(err)
	}
	return fde
}

// asked is what to select so that it can be compared with a decoded value, and shown is that value in the same form.
func asked(c relay.Column) string {
	name := "`" + c.Name + "`"
	switch c.Kind {
	case relay.Float32, relay.Float64:
		return "CAST(" + name + " AS DOUBLE)"
	case relay.JSON:
		return "HEX(CAST(" + name + " AS CHAR CHARACTER SET utf8mb4))"
	case relay.Text, relay.Binary, relay.Geometry, relay.UUID, relay.Inet:
		return "HEX(" + name + ")"
	case relay.Enum, relay.Set, relay.Bits, relay.Uint:
		return "CAST(" + name + "+0 AS UNSIGNED)"
	case relay.Int:
		return name + "+0"
	}
	return "CAST(" + name + " AS CHAR)"
}

func shown(v relay.Value) string {
	switch v.Kind {
	case relay.Null:
		return "NULL"
	case relay.Int:
		return strconv.FormatInt(v.Int, 10)
	case relay.Uint, relay.Enum, relay.Set:
		return strconv.FormatUint(v.Uint, 10)
	case relay.Float32, relay.Float64:
		return fmt.Sprintf("%x", math.Float64bits(v.Float))
	case relay.Bits:
		n, _ := strconv.ParseUint(hex.EncodeToString(v.Bytes), 16, 64)
		return strconv.FormatUint(n, 10)
	case relay.Text, relay.Binary, relay.Geometry, relay.JSON, relay.UUID, relay.Inet:
		return strings.ToUpper(hex.EncodeToString(v.Bytes))
	}
	return string(v.Bytes)
}

// normal brings what the server answers for a column into the form of shown.
func normal(c relay.Column, answer string) string {
	if answer == "NULL" || c.Kind != relay.Float32 && c.Kind != relay.Float64 {
		return answer
	}
	f, _ := strconv.ParseFloat(answer, 64)
	return fmt.Sprintf("%x", math.Float64bits(f))
}

func short(s string) string {
	if len(s) > 100 {
		return fmt.Sprintf("%s… (%d)", s[:100], len(s))
	}
	return s
}
