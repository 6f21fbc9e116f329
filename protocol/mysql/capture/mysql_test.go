package capture_test

import (
	"context"
	"crypto/tls"
	"database/sql/driver"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/protocol/mysql/capture"
	"github.com/octant-db/octant/protocol/mysql/gtid"
	"github.com/octant-db/octant/relay"
	"github.com/octant-db/octant/testenv"
)

// inMySQL runs statements in one session, which ends with its settings.
func inMySQL(t testing.TB, s *testenv.Server, statements ...string) {
	t.Helper()
	c, err := s.DB().Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, q := range statements {
		if _, err := c.ExecContext(t.Context(), q); err != nil {
			t.Fatalf("%.100s: %v", q, err)
		}
	}
	_ = c.Raw(func(any) error { return driver.ErrBadConn })
}

// executed is what the last entry's position says that was read.
func (m *memory) executed(t testing.TB) gtid.Set {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	p, err := binlog.ParsePosition(string(m.position))
	if err != nil {
		t.Fatal(err)
	}
	return p.Executed
}

// What MySQL has and MariaDB has not: tags, compressed transactions, XA in one group, rows events of three kinds.
func TestMySQLKinds(t *testing.T) {
	s := startEngine(t, testenv.MySQL97)
	run(t, s, "CREATE DATABASE octant", createApplied, "CREATE TABLE app.j (id INT PRIMARY KEY, j JSON)")
	m := newMemory()
	captured(t, capture.New(configFor(s)), m)
	m.waitFor(t, s)
	const (
		upsert   = "INSERT INTO octant.applied VALUES (3, 2, 10, 20, 1700000000000001, 5) ON DUPLICATE KEY UPDATE from_seq=10, to_seq=21, hlc=1700000000000009, nonce=6"
		compress = "SET SESSION binlog_transaction_compression=ON"
		partial  = "SET SESSION binlog_row_value_options=PARTIAL_JSON"
	)
	inserted := &relay.Mark{Origin: 3, Lane: 2, Range: relay.Range{From: 10, To: 20}, HLC: 1700000000000001, Nonce: 5}
	updated := &relay.Mark{Origin: 3, Lane: 2, Range: relay.Range{From: 10, To: 21}, HLC: 1700000000000009, Nonce: 6}
	for _, c := range []struct {
		name       string
		statements []string
		kind       relay.EntryKind
		mark       *relay.Mark
		problems   []string
	}{
		{"mark inserted", []string{"BEGIN", upsert, "INSERT INTO app.t VALUES (1, 'a')", "COMMIT"}, relay.Applied, inserted, nil},
		{"mark updated", []string{upsert}, relay.Applied, updated, nil},
		{"books tidied up", []string{"DELETE FROM octant.applied"}, relay.History, nil, nil},
		{"mark inserted and compressed", []string{compress, "BEGIN", upsert, "INSERT INTO app.t VALUES (2, REPEAT('a', 5000))", "COMMIT"}, relay.Applied, inserted, nil},
		{"mark updated with whole documents", []string{partial, upsert}, relay.Applied, updated, nil},
		{"local", []string{"INSERT INTO app.t VALUES (3, 'a')"}, relay.Local, nil, nil},
		{"local and compressed", []string{compress, "INSERT INTO app.t VALUES (4, REPEAT('a', 5000))"}, relay.Local, nil, nil},
		{"tagged", []string{"SET gtid_next='AUTOMATIC:night'", "INSERT INTO app.t VALUES (5, 'a')"}, relay.Local, nil, nil},
		{"with its statement", []string{"SET SESSION binlog_rows_query_log_events=ON", "INSERT INTO app.t VALUES (6, 'a')"}, relay.Local, nil, nil},
		{"definition", []string{"CREATE TABLE app.v (id INT PRIMARY KEY)"}, relay.Local, nil, []string{"ddl app.v"}},
		{"as select", []string{"CREATE TABLE app.u (PRIMARY KEY (a)) SELECT 1 AS a"}, relay.Local, nil, []string{"ddl app.u"}},
		{"prepared", []string{"XA START 'x'", "INSERT INTO app.t VALUES (7, 'a')", "XA END 'x'", "XA PREPARE 'x'"}, relay.History, nil, []string{"xa app.t"}},
		{"committed later", []string{"XA COMMIT 'x'"}, relay.History, nil, nil},
		{"one phase", []string{"XA START 'y'", "INSERT INTO app.t VALUES (8, 'a')", "XA END 'y'", "XA COMMIT 'y' ONE PHASE"}, relay.Local, nil, nil},
		{"prepared and compressed", []string{compress, "XA START 'z'", "INSERT INTO app.t VALUES (9, REPEAT('a', 5000))", "XA END 'z'", "XA PREPARE 'z'", "XA ROLLBACK 'z'"},
			relay.History, nil, []string{"xa app.t"}},
		{"document", []string{`INSERT INTO app.j VALUES (1, '{"a": 1, "b": "text"}')`}, relay.Local, nil, nil},
		{"document in part", []string{partial, "UPDATE app.j SET j=JSON_SET(j, '$.a', 2)"}, relay.History, nil, []string{"partial_json app.j"}},
		{"document in part, compressed", []string{compress, partial, "UPDATE app.j SET j=JSON_SET(j, '$.a', 3), id=2"}, relay.History, nil, []string{"partial_json app.j"}},
		{"document as a whole", []string{partial, "UPDATE app.j SET j='[7]'"}, relay.Local, nil, nil},
		{"some columns", []string{"SET SESSION binlog_row_image=MINIMAL", "UPDATE app.t SET v='z' WHERE id=1"}, relay.History, nil, []string{"row_image app.t"}},
		{"without transactions", []string{"CREATE TABLE app.m (id INT PRIMARY KEY) ENGINE=MyISAM", "INSERT INTO app.m VALUES (1)"}, relay.Local, nil,
			[]string{"ddl app.m", "non_transactional app.m"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m.mu.Lock()
			m.problems = nil
			m.mu.Unlock()
			before := time.Now()
			inMySQL(t, s, c.statements...)
			m.waitFor(t, s)
			m.mu.Lock()
			defer m.mu.Unlock()
			e := m.last()
			if e.Kind != c.kind || !reflect.DeepEqual(e.Mark, c.mark) || e.Flavour != binlog.MySQL {
				t.Errorf("%s is %v with mark %+v, want %v with %+v", e.GTID, e.Kind, e.Mark, c.kind, c.mark)
			}
			if e.Physical.Before(before.Add(-time.Millisecond)) || e.Physical.After(time.Now()) {
				t.Errorf("%s was committed at %v", e.GTID, e.Physical)
			}
			if g, err := gtid.Parse(e.GTID); err != nil || (g.Tag != "") != (c.name == "tagged") || e.Keys[0] != binlog.MySQLGTIDKey(g) {
				t.Errorf("%q, %v, keys %q", e.GTID, err, e.Keys)
			}
			var got []string
			for _, p := range m.problems {
				got = append(got, p.Kind+" "+p.Subject)
			}
			if !slices.Equal(got, c.problems) {
				t.Errorf("problems %q, want %q", got, c.problems)
			}
		})
	}
	m.compareFiles(t, s)
	want, err := gtid.ParseSet(ask(t, s, "SELECT @@GLOBAL.gtid_executed"))
	if err != nil || !m.executed(t).Equal(want) {
		t.Errorf("read %s, and the server has %s, %v", m.executed(t), want, err)
	}
}

// The files are the server's, over rotations and with events of several packets, and the set of what was read is the server's.
func TestMySQLFiles(t *testing.T) {
	s := startEngine(t, testenv.MySQL97)
	run(t, s, "FLUSH BINARY LOGS", "INSERT INTO app.t VALUES (1, 'before')")
	m := newMemory()
	src := capture.New(configFor(s))
	stop := captured(t, src, m)
	m.wait(t, "being caught up", func() bool { return m.caughtUp > 0 })
	m.waitFor(t, s)
	run(t, s, "INSERT INTO app.t VALUES (2, REPEAT('x', 20000000)), (3, 'y')")
	inMySQL(t, s, "SET gtid_next='AUTOMATIC:a_1'", "INSERT INTO app.t VALUES (4, 'x')")
	run(t, s, "FLUSH BINARY LOGS", "ALTER TABLE app.t ADD w INT", "UPDATE app.t SET w = id", "FLUSH BINARY LOGS", "DELETE FROM app.t WHERE id < 3")
	m.waitFor(t, s)
	requireIs(t, stop(), context.Canceled)
	captured(t, src, m)
	run(t, s, "INSERT INTO app.t VALUES (5, 'x', 1)")
	m.waitFor(t, s)
	m.compareFiles(t, s)
	if len(m.files) != 3 {
		t.Errorf("%d files, want the current one and two more", len(m.files))
	}
	kinds := map[relay.EntryKind]int{}
	for _, e := range m.entries {
		kinds[e.Kind]++
	}
	if want := map[relay.EntryKind]int{relay.History: 1, relay.Local: 6, relay.Frame: 3*2 + 2}; !maps.Equal(kinds, want) {
		t.Errorf("entries of kinds %v, want %v", kinds, want)
	}
}

func TestMySQLSemiSync(t *testing.T) {
	s := startEngine(t, testenv.MySQL97)
	run(t, s, "INSTALL PLUGIN rpl_semi_sync_source SONAME 'semisync_source.so'",
		"SET GLOBAL rpl_semi_sync_source_timeout=60000", "SET GLOBAL rpl_semi_sync_source_enabled=ON")
	m := newMemory()
	config := configFor(s)
	config.SemiSync = true
	src := capture.New(config)
	stop := captured(t, src, m)
	m.waitFor(t, s)
	n := m.count()
	ended := make(chan error, 1)
	insert := func(id int) {
		_, err := s.DB().ExecContext(t.Context(), fmt.Sprintf("INSERT INTO app.t VALUES (%d, 'a')", id))
		ended <- err
	}
	go insert(1)
	m.wait(t, "the transaction", func() bool { return len(m.entries) > n && m.last().Kind == relay.Local })
	select {
	case <-ended:
		t.Fatal("the commit did not wait")
	default:
	}
	src.Durable(m.newest().Position)
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	// What we had on disk and could not acknowledge any more is in the log and not yet executed. That is no other history.
	n = m.count()
	go insert(2)
	m.wait(t, "the second transaction", func() bool { return len(m.entries) > n && m.last().Kind == relay.Local })
	requireIs(t, stop(), context.Canceled)
	captured(t, src, m)
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	m.waitFor(t, s)
	m.compareFiles(t, s)
}

// Login with a password that the server has not cached: over TLS, and with the server's RSA key.
func TestMySQLLogin(t *testing.T) {
	s := startEngine(t, testenv.MySQL97)
	for name, secured := range map[string]*tls.Config{"plain": nil, "tls": {InsecureSkipVerify: true}} {
		t.Run(name, func(t *testing.T) {
			run(t, s, "FLUSH PRIVILEGES")
			config := configFor(s)
			config.TLS = secured
			info, err := capture.New(config).ServerInfo(t.Context())
			if err != nil || info.Flavour != binlog.MySQL || info.Server != ask(t, s, "SELECT @@server_uuid") || info.End.Executed.Empty() {
				t.Errorf("%+v, %v", info, err)
			}
		})
	}
}

func TestWrongFlavour(t *testing.T) {
	for _, e := range []testenv.Engine{testenv.MariaDB1011, testenv.MySQL97} {
		s := startEngine(t, e)
		config := configFor(s)
		config.Flavour = map[bool]relay.Flavour{true: binlog.Flavour, false: binlog.MySQL}[e.IsMySQL()]
		requireIs(t, capture.New(config).Capture(t.Context(), "", newMemory()), relay.ErrRefused)
		position := relay.Position(";bin.000001:4")
		if !e.IsMySQL() {
			position = "mysql:;bin.000001:4"
		}
		requireIs(t, capture.New(configFor(s)).Capture(t.Context(), position, newMemory()), relay.ErrRefused)
	}
	s := startEngine(t, testenv.MySQL97, "--gtid-mode=OFF", "--enforce-gtid-consistency=OFF")
	err := capture.New(configFor(s)).Capture(t.Context(), "", newMemory())
	requireIs(t, err, relay.ErrRefused)
	if !strings.Contains(err.Error(), "gtid_mode") {
		t.Error(err)
	}
}
