package apply_test

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/octant-db/octant/protocol/mysql/apply"
	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/relay"
	"github.com/octant-db/octant/testenv"
)

func TestMain(m *testing.M) { os.Exit(runAll(m)) }

func runAll(m *testing.M) int {
	dir, err := os.MkdirTemp("", "apply-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	for _, d := range databases {
		d.dir = filepath.Join(dir, d.engine.String())
		defer d.close()
	}
	return m.Run()
}

// database is one server for all tests of the package, started when it is needed first; each test has a schema of its own.
type database struct {
	engine testenv.Engine
	dir    string

	once   sync.Once
	server *testenv.Server
	err    error
}

var databases = []*database{{engine: testenv.MariaDB1011}, {engine: testenv.MySQL97}}

// onMariaDB runs a test of what MySQL does not have.
func onMariaDB(t *testing.T, test func(*testing.T, *database)) { test(t, databases[0].ready(t)) }

// onMySQL runs a test of what MariaDB does not have.
func onMySQL(t *testing.T, test func(*testing.T, *database)) { test(t, databases[1].ready(t)) }

// lacks tells whether the server does not know what the SQL has in it.
func (d *database) lacks(sql string) bool {
	words := []string{"_0900_", "gb18030", "((", "VECTOR"}
	if d.mysql() {
		words = []string{"nopad", "uca1400", "_w2", "UUID", "INET", "COMPRESSED", "TEXT COLLATE", "SYSTEM VERSIONING"}
	}
	return slices.ContainsFunc(words, func(word string) bool { return strings.Contains(sql, word) })
}

// onEach runs a test on every kind of server.
func onEach(t *testing.T, test func(*testing.T, *database)) {
	t.Helper()
	t.Run("each", func(t *testing.T) { // at the same time: they are different servers
		for _, d := range databases {
			t.Run(d.engine.String(), func(t *testing.T) {
				t.Parallel()
				test(t, d.ready(t))
			})
		}
	})
}

func (d *database) flavour() relay.Flavour {
	if d.mysql() {
		return binlog.MySQL
	}
	return binlog.Flavour
}

func (d *database) mysql() bool { return d.engine.IsMySQL() }

func (d *database) ready(t testing.TB) *database {
	t.Helper()
	d.once.Do(d.start)
	if d.err != nil {
		t.Fatal(d.err)
	}
	return d
}

func (d *database) start() {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	o := testenv.ServerOptions{Engine: d.engine, Dir: d.dir, ID: 1, Relaxed: true, Args: []string{"--innodb-buffer-pool-size=128M"}}
	if d.mysql() {
		o.Args = append(o.Args, "--innodb-redo-log-capacity=256M", "--max-binlog-cache-size=1G")
	} else {
		o.Args = append(o.Args, "--innodb-log-file-size=96M")
	}
	if d.server, d.err = testenv.StartServer(ctx, o); d.err == nil {
		d.err = d.createUsers(ctx)
	}
}

func (d *database) close() {
	if d.server != nil {
		d.server.Close()
	}
}

// The accounts: octant has exactly apply.Grants, plain lacks BINLOG REPLAY and BINLOG ADMIN, replay lacks BINLOG ADMIN. On MySQL octant has
// apply.MySQLGrants, plain lacks REPLICATION_APPLIER, and wide has SESSION_VARIABLES_ADMIN.
const password = "secret"

var mariaDBUsers = []string{
	"GRANT CREATE, SELECT, INSERT, UPDATE ON octant.* TO plain@'127.0.0.1', replay@'127.0.0.1'",
	"GRANT SELECT, INSERT, DELETE ON `app%`.* TO plain@'127.0.0.1'",
	"GRANT SELECT ON `app%`.* TO replay@'127.0.0.1'",
	"GRANT BINLOG REPLAY ON *.* TO replay@'127.0.0.1'",
}

var mySQLUsers = []string{
	"GRANT CREATE, SELECT, INSERT, UPDATE ON octant.* TO plain@'127.0.0.1', wide@'127.0.0.1'",
	"GRANT SELECT, INSERT, UPDATE, DELETE ON `app%`.* TO plain@'127.0.0.1', wide@'127.0.0.1'",
	"GRANT REPLICATION_APPLIER, SESSION_VARIABLES_ADMIN ON *.* TO wide@'127.0.0.1'",
}

func (d *database) createUsers(ctx context.Context) error {
	statements, grants, users := []string{}, apply.Grants, mariaDBUsers
	if d.mysql() {
		grants, users = apply.MySQLGrants, mySQLUsers
	}
	for _, user := range []string{"octant", "plain", "replay", "wide"} {
		statements = append(statements, fmt.Sprintf("CREATE USER %s@'127.0.0.1' IDENTIFIED BY '%s'", user, password))
	}
	grants = strings.ReplaceAll(fmt.Sprintf(grants, "octant@'127.0.0.1'"), "app.*", "`app%`.*")
	statements = append(statements, strings.Split(strings.TrimSuffix(grants, ";"), ";")...)
	for _, s := range append(statements, users...) {
		if _, err := d.server.DB().ExecContext(ctx, s); err != nil {
			return fmt.Errorf("%s: %w", s, err)
		}
	}
	return nil
}

var schemas atomic.Int64

// bed is a schema of the server and what a test does with it.
type bed struct {
	on     *database
	t      testing.TB
	ctx    context.Context
	db     *sql.Conn // in the schema, as root
	schema string
	tables *binlog.TableCache
}

func (d *database) newBed(t testing.TB, statements ...string) *bed {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	t.Cleanup(cancel)
	conn, err := d.server.DB().Conn(ctx)
	if err != nil {
		t.Fatal(err)
	}
	b := &bed{on: d, t: t, ctx: ctx, db: conn, schema: fmt.Sprintf("app%d", schemas.Add(1)), tables: binlog.NewTableCache()}
	if d.mysql() {
		b.tables = binlog.NewMySQLTableCache()
	}
	t.Cleanup(func() { conn.Close() })
	b.exec("CREATE DATABASE "+b.schema+" CHARACTER SET utf8mb4", "USE "+b.schema,
		"SET sql_mode='ALLOW_INVALID_DATES,NO_AUTO_VALUE_ON_ZERO', foreign_key_checks=1, time_zone='+00:00'")
	b.exec(statements...)
	return b
}

func (b *bed) exec(statements ...string) {
	b.t.Helper()
	for _, s := range statements {
		if _, err := b.db.ExecContext(b.ctx, s); err != nil {
			b.t.Fatalf("%.200s: %v", s, err)
		}
	}
}

// quietly runs statements without logging them.
func (b *bed) quietly(statements ...string) {
	b.t.Helper()
	b.exec("SET sql_log_bin=0")
	b.exec(statements...)
	b.exec("SET sql_log_bin=1")
}

// position is where the log ends.
func (b *bed) position() (file string, offset int64) {
	b.t.Helper()
	var rest sql.RawBytes
	query, columns := "SHOW MASTER STATUS", []any{&file, &offset, &rest, &rest}
	if b.on.mysql() {
		query, columns = "SHOW BINARY LOG STATUS", append(columns, &rest)
	}
	rows, err := b.db.QueryContext(b.ctx, query)
	if err != nil {
		b.t.Fatal(err)
	}
	defer rows.Close()
	rows.Next()
	if err := rows.Scan(columns...); err != nil {
		b.t.Fatal(err)
	}
	return file, offset
}

// record returns what the server logs while f runs.
func (b *bed) recordBytes(f func()) []byte {
	b.t.Helper()
	b.exec("FLUSH BINARY LOGS")
	file, offset := b.position()
	f()
	data, err := os.ReadFile(b.on.server.BinlogFile(file))
	if err != nil {
		b.t.Fatal(err)
	}
	return data[offset:]
}

func (b *bed) changes(data []byte) []relay.Change {
	b.t.Helper()
	var changes []relay.Change
	for c, err := range binlog.NewDecoder(b.tables).Changes(binlog.One(data)) {
		if err != nil {
			b.t.Fatal(err)
		}
		if c.Table != nil {
			changes = append(changes, c)
		}
	}
	return changes
}

// images makes rows with statements, takes their images from the log, and takes the rows out again without a trace.
func (b *bed) images(table string, statements ...string) []relay.Change {
	b.t.Helper()
	data := b.recordBytes(func() { b.exec(statements...) })
	b.quietly("SET foreign_key_checks=0", "DELETE FROM "+table, "SET foreign_key_checks=1")
	return b.changes(data)
}

// rows reads a table whole, as text, in the order of its first column.
func (b *bed) rows(query string) string {
	b.t.Helper()
	return readRows(b.t, b.ctx, b.db, query)
}

func readRows(t testing.TB, ctx context.Context, db *sql.Conn, query string) string {
	t.Helper()
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	for rows.Next() {
		cells, pointers := make([]sql.RawBytes, len(columns)), make([]any, len(columns))
		for i := range cells {
			pointers[i] = &cells[i]
		}
		if err := rows.Scan(pointers...); err != nil {
			t.Fatal(err)
		}
		for i, c := range cells {
			if i > 0 {
				out.WriteByte(' ')
			}
			if c == nil {
				out.WriteString("NULL")
			}
			out.Write(c)
		}
		out.WriteByte('\n')
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// open returns a target that logs in as the user.
func (b *bed) open(user string, change ...func(*apply.Config)) *apply.Target {
	b.t.Helper()
	c := apply.Config{Flavour: b.on.flavour(), Addr: b.on.server.Addr(), User: user, Password: password, Self: 1}
	for _, f := range change {
		f(&c)
	}
	target, err := apply.New(c)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { target.Close() })
	if err := target.Open(b.ctx); err != nil {
		b.t.Fatal(err)
	}
	return target
}

var seqs atomic.Uint64

// nextMark is a mark that was never written.
func nextMark(origin relay.Region, lane int) relay.Mark {
	n := relay.Seq(seqs.Add(1))
	return relay.Mark{Origin: origin, Range: relay.Range{From: n, To: n}, HLC: relay.HLC(1000 + n), Lane: lane}
}

func (b *bed) begin(target *apply.Target, m relay.Mark) relay.Tx {
	b.t.Helper()
	tx, err := target.Begin(b.ctx, m)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { tx.Rollback() })
	return tx
}

// apply writes in one transaction and commits.
func (b *bed) apply(target *apply.Target, writes ...relay.Write) error {
	b.t.Helper()
	tx := b.begin(target, nextMark(2, 0))
	defer tx.Rollback()
	if err := tx.Write(b.ctx, writes); err != nil {
		return err
	}
	return tx.Commit(b.ctx)
}

func (b *bed) mustApply(target *apply.Target, writes ...relay.Write) {
	b.t.Helper()
	if err := b.apply(target, writes...); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bed) same(query, want string) {
	b.t.Helper()
	if got := b.rows(query); got != want {
		b.t.Fatalf("%s:\ngot\n%s\nwant\n%s", query, got, want)
	}
}

// writesOf turns logged changes into writes.
func writesOf(changes []relay.Change, expect func(relay.Change) relay.Presence) []relay.Write {
	var writes []relay.Write
	for _, c := range changes {
		writes = append(writes, relay.Write{Table: c.Table, Before: c.Before, After: c.After, Expect: expect(c)})
	}
	return writes
}

func asLogged(c relay.Change) relay.Presence {
	if c.Op == relay.Insert {
		return relay.Absent
	}
	return relay.Present
}

func unknown(relay.Change) relay.Presence { return relay.Unknown }
