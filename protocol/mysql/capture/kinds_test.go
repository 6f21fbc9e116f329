package capture_test

import (
	"database/sql/driver"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/octant-db/octant/protocol/mysql/capture"
	"github.com/octant-db/octant/relay"
	"github.com/octant-db/octant/testenv"
)

const createApplied = `CREATE TABLE octant.applied (origin TINYINT UNSIGNED NOT NULL, lane SMALLINT UNSIGNED NOT NULL,
 from_seq BIGINT UNSIGNED NOT NULL, to_seq BIGINT UNSIGNED NOT NULL, hlc BIGINT NOT NULL, nonce BIGINT UNSIGNED NOT NULL,
 PRIMARY KEY (origin, lane)) ENGINE=InnoDB`

// inTransaction runs statements in one session and returns the GTID of the last commit.
func inTransaction(t *testing.T, s *testenv.Server, statements ...string) string {
	t.Helper()
	c, err := s.DB().Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, q := range statements {
		if _, err := c.ExecContext(t.Context(), q); err != nil {
			t.Fatalf("%s: %v", q, err)
		}
	}
	var gtid string
	if err := c.QueryRowContext(t.Context(), "SELECT @@last_gtid").Scan(&gtid); err != nil {
		t.Fatal(err)
	}
	_ = c.Raw(func(any) error { return driver.ErrBadConn }) // its settings end with it
	return gtid
}

func TestKinds(t *testing.T) {
	eachMariaDB(t, func(t *testing.T, e testenv.Engine) { testKinds(t, e) })
}

// Compressed events are looked into.
func TestKindsCompressed(t *testing.T) {
	eachMariaDB(t, func(t *testing.T, e testenv.Engine) {
		testKinds(t, e, "--log-bin-compress=ON", "--log-bin-compress-min-len=10")
	})
}

func testKinds(t *testing.T, e testenv.Engine, args ...string) {
	s := startEngine(t, e, args...)
	m := newMemory()
	captured(t, capture.New(configFor(s)), m)
	m.waitFor(t, s)
	const upsert = "INSERT INTO octant.applied VALUES (3, 2, 10, 20, 1700000000000001, 5) ON DUPLICATE KEY UPDATE from_seq=10, to_seq=21, hlc=1700000000000009, nonce=6"
	cases := []struct {
		name       string
		statements []string
		kind       relay.EntryKind
		mark       *relay.Mark
	}{
		{"schema", []string{"CREATE DATABASE octant"}, relay.History, nil},
		{"table of marks", []string{createApplied}, relay.History, nil},
		{"another book", []string{"CREATE TABLE octant.x (id INT PRIMARY KEY)"}, relay.History, nil},
		{"mark inserted", []string{"BEGIN", upsert, "INSERT INTO app.t VALUES (1, 'a')", "COMMIT"}, relay.Applied,
			&relay.Mark{Origin: 3, Lane: 2, Range: relay.Range{From: 10, To: 20}, HLC: 1700000000000001, Nonce: 5}},
		{"mark updated", []string{upsert}, relay.Applied,
			&relay.Mark{Origin: 3, Lane: 2, Range: relay.Range{From: 10, To: 21}, HLC: 1700000000000009, Nonce: 6}},
		{"mark of a repair", []string{"INSERT INTO octant.applied VALUES (3, 1, 0, 0, 0, 7)"}, relay.Applied, &relay.Mark{Origin: 3, Lane: 1, Nonce: 7}},
		{"local", []string{"INSERT INTO app.t VALUES (2, 'a')"}, relay.Local, nil},
		{"mark comes second", []string{"BEGIN", "INSERT INTO app.t VALUES (3, 'a')", "UPDATE octant.applied SET nonce=9", "COMMIT"}, relay.Local, nil},
		{"only books", []string{"INSERT INTO octant.x VALUES (1)"}, relay.History, nil},
		{"books and more", []string{"BEGIN", "INSERT INTO octant.x VALUES (2)", "INSERT INTO app.t VALUES (4, 'a')", "COMMIT"}, relay.Local, nil},
		{"books tidied up", []string{"DELETE FROM octant.applied"}, relay.History, nil},
		{"definition", []string{"CREATE TABLE app.v (id INT PRIMARY KEY)"}, relay.Local, nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			before := time.Now().Truncate(time.Second)
			gtid := inTransaction(t, s, c.statements...)
			m.waitFor(t, s)
			m.mu.Lock()
			defer m.mu.Unlock()
			e := m.find(gtid)
			if e == nil {
				t.Fatalf("%s was not captured", gtid)
			}
			if e.Kind != c.kind || !reflect.DeepEqual(e.Mark, c.mark) {
				t.Errorf("%s is %v with mark %+v, want %v with %+v", gtid, e.Kind, e.Mark, c.kind, c.mark)
			}
			if e.Patient != (c.mark != nil && !c.mark.Repair()) {
				t.Errorf("%s may wait for company: %t", gtid, e.Patient)
			}
			if e.Physical.Before(before) || e.Physical.After(time.Now().Add(time.Second)) {
				t.Errorf("%s was committed at %v", gtid, e.Physical)
			}
		})
	}
}

func TestProblems(t *testing.T) { eachMariaDB(t, testProblems) }

func testProblems(t *testing.T, e testenv.Engine) {
	s := startEngine(t, e)
	run(t, s, "CREATE DATABASE octant", createApplied, "CREATE DATABASE out_of_it")
	m := newMemory()
	config := configFor(s)
	config.Include = func(schema, table string) bool { return schema == "app" && !strings.HasPrefix(table, "not_") }
	captured(t, capture.New(config), m)
	m.waitFor(t, s)
	cases := []struct {
		name       string
		statements []string
		want       []string // kind and subject
	}{
		{"ordinary rows", []string{"INSERT INTO app.t VALUES (1, 'a')"}, nil},
		{"create", []string{"CREATE TABLE app.n (a INT)"}, []string{"ddl app.n"}},
		{"create excluded", []string{"CREATE TABLE app.not_me (a INT)"}, nil},
		{"no key", []string{"INSERT INTO app.n VALUES (1)"}, []string{"no_primary_key app.n"}},
		{"no key excluded", []string{"INSERT INTO app.not_me VALUES (1)"}, nil},
		{"as select", []string{"CREATE TABLE app.`s x` (PRIMARY KEY (a)) SELECT 1 AS a"}, []string{"ddl app.s x"}},
		{"in its schema", []string{"USE app", "/* why */ ALTER TABLE n ADD b INT"}, []string{"ddl app.n"}},
		{"index", []string{"CREATE UNIQUE INDEX i ON app.n (a)"}, []string{"ddl app.n"}},
		{"truncate", []string{"TRUNCATE TABLE app.n"}, []string{"truncate app.n"}},
		{"drop", []string{"DROP TABLE IF EXISTS app.n"}, []string{"ddl app.n"}},
		{"view", []string{"CREATE OR REPLACE VIEW app.w AS SELECT * FROM app.t"}, []string{"ddl app.w"}},
		{"statement", []string{"USE app", "SET SESSION binlog_format=STATEMENT", "INSERT INTO t VALUES (2, 'secret')"},
			[]string{"statement_format app.t"}},
		{"statement elsewhere", []string{"CREATE TABLE app.not_this (a INT)", "USE out_of_it", "SET SESSION binlog_format=STATEMENT",
			"INSERT INTO app.not_this VALUES (2)"}, nil},
		{"statement from elsewhere", []string{"USE out_of_it", "SET SESSION binlog_format=STATEMENT", "UPDATE app.t SET v='q' WHERE id=2",
			"DELETE LOW_PRIORITY FROM `app`.t WHERE id=2"}, []string{"statement_format app.t", "statement_format app.t"}},
		{"partial rows", []string{"SET SESSION binlog_row_image=MINIMAL", "UPDATE app.t SET v='z' WHERE id=1"}, []string{"row_image app.t"}},
		{"temporary", []string{"CREATE TEMPORARY TABLE app.tmp (a INT)", "INSERT INTO app.tmp VALUES (1)", "DROP TEMPORARY TABLE app.tmp"}, nil},
		{"user", []string{"CREATE USER somebody@localhost"}, []string{"ddl CREATE USER"}},
		{"database", []string{"CREATE DATABASE shop"}, nil},
		{"without transactions", []string{"CREATE TABLE app.m (id INT PRIMARY KEY) ENGINE=MyISAM", "INSERT INTO app.m VALUES (1)"},
			[]string{"ddl app.m", "non_transactional app.m"}},
		{"xa", []string{"XA START 'x'", "INSERT INTO app.t VALUES (5, 'a')", "XA END 'x'", "XA PREPARE 'x'", "XA COMMIT 'x'"}, []string{"xa app.t"}},
		{"xa in one phase", []string{"XA START 'y'", "INSERT INTO app.t VALUES (6, 'a')", "XA END 'y'", "XA COMMIT 'y' ONE PHASE"}, nil},
		{"the relay's own", []string{"BEGIN", "INSERT INTO octant.applied VALUES (3, 2, 10, 20, 17, 5)",
			"SET SESSION binlog_row_image=MINIMAL", "UPDATE app.t SET v='zz' WHERE id=1", "COMMIT"}, nil},
		{"metadata", []string{"SET GLOBAL binlog_row_metadata=NO_LOG", "UPDATE app.t SET v='y' WHERE id=1"}, []string{"row_metadata app.t"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			m.mu.Lock()
			m.problems = nil
			m.mu.Unlock()
			inTransaction(t, s, c.statements...)
			m.waitFor(t, s)
			m.mu.Lock()
			defer m.mu.Unlock()
			var got []string
			for _, p := range m.problems {
				got = append(got, p.Kind+" "+p.Subject)
				if p.Detail == "" || p.Remedy == "" || p.Since.IsZero() || strings.Contains(p.Detail, "secret") {
					t.Errorf("%+v", p)
				}
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("problems %q, want %q", got, c.want)
			}
		})
	}
}

// A server that waits for an acknowledgement gets it when the entry is durable, and not before.
func TestSemiSync(t *testing.T) { eachMariaDB(t, testSemiSync) }

func testSemiSync(t *testing.T, e testenv.Engine) {
	s := startEngine(t, e)
	run(t, s, "SET GLOBAL rpl_semi_sync_master_timeout=60000", "SET GLOBAL rpl_semi_sync_master_enabled=ON")
	m := newMemory()
	config := configFor(s)
	config.SemiSync = true
	src := capture.New(config)
	captured(t, src, m)
	m.waitFor(t, s)
	ended := make(chan error, 1)
	n := m.count()
	go func() {
		_, err := s.DB().ExecContext(t.Context(), "INSERT INTO app.t VALUES (1, 'a')")
		ended <- err
	}()
	m.wait(t, "the transaction", func() bool { return len(m.entries) > n && m.last().Kind == relay.Local })
	if got := ask(t, s, "SELECT variable_value FROM information_schema.global_status WHERE variable_name='rpl_semi_sync_master_clients'"); got != "1" {
		t.Errorf("the server waits for %s replicas", got)
	}
	select {
	case <-ended:
		t.Fatal("the commit did not wait")
	default:
	}
	src.Durable(m.newest().Position)
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if got := ask(t, s, "SELECT variable_value FROM information_schema.global_status WHERE variable_name='rpl_semi_sync_master_yes_tx'"); got != "1" {
		t.Errorf("the server counts %s acknowledged transactions", got)
	}
}
