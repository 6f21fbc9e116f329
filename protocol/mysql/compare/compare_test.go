package compare_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/protocol/mysql/compare"
	"github.com/octant-db/octant/relay"
	"github.com/octant-db/octant/testenv"
	"github.com/octant-db/octant/testenv/envtest"
)

// bed is a server with a reader of its schema app.
type bed struct {
	t      *testing.T
	server *testenv.Server
	reader *compare.Reader
	mysql  bool
}

// applied is the relay's ledger; see protocol/mysql/apply.
const applied = `CREATE TABLE octant.applied (
 origin TINYINT UNSIGNED NOT NULL, lane SMALLINT UNSIGNED NOT NULL, from_seq BIGINT UNSIGNED NOT NULL,
 to_seq BIGINT UNSIGNED NOT NULL, hlc BIGINT NOT NULL, nonce BIGINT UNSIGNED NOT NULL, PRIMARY KEY(origin,lane)) ENGINE=InnoDB`

// onEach runs a test on every kind of server.
func onEach(t *testing.T, test func(*bed)) {
	for _, engine := range []testenv.Engine{testenv.MariaDB1011, testenv.MySQL97} {
		t.Run(engine.String(), func(t *testing.T) {
			b := &bed{t: t, mysql: engine.IsMySQL(), server: envtest.Server(t, testenv.ServerOptions{Engine: engine, Relaxed: true})}
			b.exec("CREATE DATABASE app", "CREATE DATABASE octant", applied, "CREATE USER reader@'%' IDENTIFIED BY 'secret'",
				"GRANT INSERT, UPDATE, SELECT ON octant.* TO reader@'%'", "GRANT SELECT, INSERT, UPDATE, DELETE, TRIGGER ON app.* TO reader@'%'")
			b.reader = compare.New(compare.Config{
				Addr: b.server.Addr(), User: "reader", Password: "secret",
				Match: func(schema, table string) bool { return schema == "app" && table != "private" },
			})
			t.Cleanup(func() { _ = b.reader.Close() })
			test(b)
		})
	}
}

func (b *bed) exec(statements ...string) {
	b.t.Helper()
	conn, err := b.server.DB().Conn(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	defer conn.Close()
	for _, s := range append([]string{"SET SESSION sql_mode='ALLOW_INVALID_DATES', time_zone='+00:00'"}, statements...) {
		if _, err := conn.ExecContext(b.t.Context(), s); err != nil {
			b.t.Fatalf("%.200s: %v", s, err)
		}
	}
}

// images returns the row images that statements leave in the log.
func (b *bed) images(statements ...string) (list []relay.Change) {
	b.t.Helper()
	b.exec("FLUSH BINARY LOGS")
	status := "SHOW MASTER STATUS"
	tables := binlog.NewTableCache()
	if b.mysql {
		status, tables = "SHOW BINARY LOG STATUS", binlog.NewMySQLTableCache()
	}
	rows, err := b.server.DB().QueryContext(b.t.Context(), status)
	if err != nil {
		b.t.Fatal(err)
	}
	names, _ := rows.Columns()
	cells := make([]any, len(names))
	var file string
	cells[0] = &file
	for i := 1; i < len(cells); i++ {
		cells[i] = new(any)
	}
	rows.Next()
	if err := errors.Join(rows.Scan(cells...), rows.Close()); err != nil {
		b.t.Fatal(err)
	}
	b.exec(statements...)
	data, err := os.ReadFile(b.server.BinlogFile(file))
	if err != nil {
		b.t.Fatal(err)
	}
	for c, err := range binlog.NewDecoder(tables).Changes(binlog.One(data[4:])) {
		if err != nil {
			b.t.Fatal(err)
		}
		if c.Table != nil {
			list = append(list, c)
		}
	}
	return list
}

func (b *bed) rows(table string, s relay.Span) []relay.RowDigest {
	b.t.Helper()
	list, err := b.reader.Rows(b.t.Context(), table, s)
	if err != nil {
		b.t.Fatal(err)
	}
	return list
}

func keysOf(rows []relay.RowDigest) (keys []relay.RowKey) {
	for _, d := range rows {
		keys = append(keys, d.Key)
	}
	return keys
}

// keyed are columns that can be keys, with values in their order.
var keyed = []struct{ column, values string }{
	{"BIGINT", "-9223372036854775808|-1|0|1|9223372036854775807"},
	{"BIGINT UNSIGNED", "0|1|18446744073709551615"},
	{"TINYINT", "-128|0|127"},
	{"DECIMAL(20,4)", "-12.34|-0.5|0|0.0001|7.1000|123456789012345.5"},
	{"DOUBLE", "-1e300|-0.1|0|0.1|0.30000000000000004|1e300"},
	{"FLOAT", "-1.5|0|0.1|16777216"},
	{"DATE", "'0000-00-00'|'1000-01-01'|'2026-02-30'|'9999-12-31'"},
	{"TIME(6)", "'-838:59:59'|'-00:00:00.000001'|'00:00:00'|'12:00:00.5'"},
	{"DATETIME(3)", "'0000-00-00 00:00:00'|'2026-01-01 10:00:00.123'"},
	{"TIMESTAMP(6)", "'1970-01-01 00:00:01'|'2026-01-01 10:00:00.000001'"},
	{"YEAR", "1901|2026|2155"},
	{"BIT(12)", "0|1|4095"},
	{"BIT(64)", "0|1|18446744073709551615"},
	{"ENUM('z','a','m')", "'z'|'a'|'m'"},
	{"SET('x','y','z')", "''|'x'|'x,z'"},
	{"VARCHAR(40) CHARACTER SET utf8mb4", "''|'A'|'b b'|'it''s back'|'žluť 🐎'"},
	{"CHAR(10) CHARACTER SET latin1", "''|'a'|'é'"},
	{"VARCHAR(10) CHARACTER SET utf16", "'a'|'ž'"},
	{"VARBINARY(20)", "x''|x'00'|x'0000'|x'27'|x'ff00'"},
	{"BINARY(4)", "x'00'|x'61'|x'6162'|x'ffffffff'"},
	{"INET6", "'::1'|'fe80::1'"},
	{"INET4", "'1.2.3.4'|'192.168.1.1'"},
}

// TestKeys: rows are found by the keys that the database gives, in its order, and the log's images give the same ones.
func TestKeys(t *testing.T) {
	onEach(t, func(b *bed) {
		for n, k := range keyed {
			if b.mysql && strings.HasPrefix(k.column, "INET") {
				continue
			}
			name := fmt.Sprintf("k%d", n)
			b.exec(fmt.Sprintf("CREATE TABLE app.%s (k %s NOT NULL, n INT NOT NULL, PRIMARY KEY (k, n))", name, k.column))
			var tuples []string
			for _, v := range strings.Split(k.values, "|") {
				tuples = append(tuples, "("+v+",1)", "("+v+",2)")
			}
			insert := fmt.Sprintf("INSERT INTO app.%s VALUES%s", name, strings.Join(tuples, ","))
			b.checkKeys("app."+name, k.column, len(tuples), insert)
		}
	})
}

func (b *bed) checkKeys(table, column string, want int, insert string) {
	t, ctx := b.t, b.t.Context()
	t.Helper()
	changes := b.images(insert)
	all := b.rows(table, relay.Span{})
	keys := keysOf(all)
	if len(all) != want {
		t.Fatalf("%s: %d rows, want %d", column, len(all), want)
	}
	var logged []relay.RowKey
	for _, c := range changes {
		key, err := b.reader.Key(c.Table, c.After)
		if err != nil {
			t.Fatalf("%s: %v", column, err)
		}
		logged = append(logged, key)
	}
	if got, want := slices.Sorted(slices.Values(logged)), slices.Sorted(slices.Values(keys)); !slices.Equal(got, want) {
		t.Errorf("%s: images have the keys %v, rows %v", column, got, want)
	}
	found, err := b.reader.Find(ctx, table, append(slices.Clone(keys), keys[0]))
	if err != nil {
		t.Fatalf("%s: %v", column, err)
	}
	for i, d := range found[:len(keys)] {
		if d == nil || *d != all[i] {
			t.Errorf("%s: row %s was not found, or another one", column, keys[i])
		}
	}
	b.checkSpans(table, column, all)
}

// checkSpans cuts the table at every row, and in chunks.
func (b *bed) checkSpans(table, column string, all []relay.RowDigest) {
	t, ctx := b.t, b.t.Context()
	t.Helper()
	for i := range all {
		upTo, after := b.rows(table, relay.Span{UpTo: all[i].Key}), b.rows(table, relay.Span{After: all[i].Key})
		if !slices.Equal(upTo, all[:i+1]) || !slices.Equal(after, all[i+1:]) {
			t.Errorf("%s: cut at row %d: %d rows before it and %d behind it of %d", column, i, len(upTo), len(after), len(all))
		}
	}
	var sum relay.Sum
	for _, d := range all {
		for i := range sum {
			sum[i] ^= d.Sum[i]
		}
	}
	whole, err := b.reader.Digest(ctx, table, relay.Span{})
	if err != nil || whole != (relay.SpanDigest{Rows: uint64(len(all)), Sum: sum}) {
		t.Errorf("%s: digest of the table is not that of its rows: %v, %v", column, whole, err)
	}
	rows := uint64(0)
	for s := (relay.Span{}); ; s.After = s.UpTo {
		if s.UpTo, err = b.reader.Bound(ctx, table, s.After, 3); err != nil {
			t.Fatalf("%s: %v", column, err)
		}
		d, err := b.reader.Digest(ctx, table, s)
		if err != nil || s.UpTo != "" && d.Rows != 3 {
			t.Fatalf("%s: a chunk of %d rows, %v", column, d.Rows, err)
		}
		rows += d.Rows
		if s.UpTo == "" {
			break
		}
	}
	if rows != uint64(len(all)) {
		t.Errorf("%s: %d rows in chunks of %d", column, rows, len(all))
	}
}

// sensitive are pairs of values that are not the same, though they look so to a careless eye.
var sensitive = []struct{ column, one, other string }{
	{"VARCHAR(20) COLLATE utf8mb4_general_ci", "'a'", "'A'"},
	{"VARCHAR(20) COLLATE utf8mb4_general_ci", "'a'", "'á'"},
	{"VARCHAR(20) COLLATE utf8mb4_general_ci", "'a'", "'a '"},
	{"VARCHAR(20)", "NULL", "''"},
	{"VARCHAR(20)", "'-'", "NULL"},
	{"TEXT", "''", "NULL"},
	{"VARBINARY(20)", "x'61'", "x'6100'"},
	{"BLOB", "x'61'", "x'6100'"},
	{"DATETIME(6)", "'2026-01-01 00:00:00'", "'2026-01-01 00:00:00.000001'"},
	{"TIMESTAMP(6) NULL", "'2026-01-01 00:00:00'", "'2026-01-01 00:00:00.000001'"},
	{"TIME(6)", "'00:00:00'", "'00:00:00.000001'"},
	{"DECIMAL(30,10)", "1", "1.0000000001"},
	{"DOUBLE", "0.1", "0.10000000000000002"},
	{"FLOAT", "16777216", "16777218"},
	{"BIT(64)", "18446744073709551614", "18446744073709551615"},
	{"ENUM('a','b') CHARACTER SET latin1", "'a'", "'b'"},
	{"SET('a','b')", "''", "NULL"},
	{"INT", "0", "NULL"},
	{"LONGTEXT", "REPEAT('x',100000)", "CONCAT(REPEAT('x',99999),'y')"},
	{"GEOMETRY", "ST_GeomFromText('POINT(1 1)')", "ST_GeomFromText('POINT(1 1.0000001)')"},
	{"JSON", `'{"a": 1}'`, `'{"a": 1.0}'`},
	{"JSON", `'{"a": "ž"}'`, `'{"a": "z"}'`},
	{"UUID", "'123e4567-e89b-12d3-a456-426655440000'", "'123e4567-e89b-12d3-a456-426655440001'"},
	{"INET6", "'::1'", "'::2'"},
}

// TestDigestsAndReplacement: what differs has another digest, and a row can be written as it was elsewhere, byte for byte.
func TestDigestsAndReplacement(t *testing.T) {
	onEach(t, func(b *bed) {
		for n, s := range sensitive {
			if b.mysql && (strings.HasPrefix(s.column, "INET") || s.column == "UUID") {
				continue
			}
			name := fmt.Sprintf("s%d", n)
			b.exec(fmt.Sprintf("CREATE TABLE app.%s (id INT PRIMARY KEY, v %s, w INT AS (id + 1) VIRTUAL)", name, s.column),
				fmt.Sprintf("INSERT INTO app.%s (id, v) VALUES (1, %s), (2, %s)", name, s.one, s.other))
			b.checkReplacement("app."+name, s.column)
		}
	})
}

func (b *bed) checkReplacement(table, column string) {
	t, ctx := b.t, b.t.Context()
	t.Helper()
	rows := b.rows(table, relay.Span{})
	values := make([][]relay.ColumnValue, 2)
	for i := range values {
		var err error
		if values[i], err = b.reader.Columns(ctx, table, rows[i].Key); err != nil {
			t.Fatalf("%s: %v", column, err)
		}
	}
	one, other := values[0][1].Value, values[1][1].Value
	if (one == nil) == (other == nil) && string(one) == string(other) {
		t.Errorf("%s: two values look alike: %q", column, one)
	}
	// Row 1 becomes like row 2, then itself again, is deleted, and comes back.
	before := rows[0].Sum
	mixed := slices.Clone(values[0])
	mixed[1] = values[1][1]
	steps := []struct {
		expect *relay.Sum
		values []relay.ColumnValue
	}{{&before, mixed}, {nil, values[0]}, {nil, nil}, {nil, values[0]}}
	for i, step := range steps {
		now, err := b.reader.Find(ctx, table, []relay.RowKey{rows[0].Key})
		if err != nil {
			t.Fatal(err)
		}
		r := relay.Replacement{Table: table, Key: rows[0].Key, Values: step.values}
		if now[0] != nil {
			r.Expect = &now[0].Sum
		}
		if err := b.reader.Replace(ctx, r); err != nil {
			t.Fatalf("%s: step %d: %v", column, i, err)
		}
		if err := b.reader.Replace(ctx, r); !errors.Is(err, relay.ErrChanged) {
			t.Errorf("%s: step %d again: %v, want that the row has been changed", column, i, err)
		}
	}
	if after := b.rows(table, relay.Span{}); !slices.Equal(after, rows) {
		t.Errorf("%s: the row is not the same after it went and came back", column)
	}
	mixedSum := before
	if err := b.reader.Replace(ctx, relay.Replacement{Table: table, Key: rows[0].Key, Expect: &before, Values: mixed}); err != nil {
		t.Fatal(err)
	}
	if now := b.rows(table, relay.Span{}); now[0].Sum == mixedSum {
		t.Errorf("%s: rows that differ have one digest", column)
	}
}

func TestTablesThatCannotBeComparedOrRepaired(t *testing.T) {
	onEach(t, func(b *bed) {
		b.exec("CREATE TABLE app.nokey (a INT)", "CREATE TABLE app.private (id INT PRIMARY KEY)", "CREATE VIEW app.seen AS SELECT 1 AS one",
			"CREATE TABLE app.t (id INT PRIMARY KEY, v INT)", "INSERT INTO app.t VALUES (1, 1)",
			"CREATE TRIGGER app.echo AFTER DELETE ON app.t FOR EACH ROW INSERT INTO app.nokey VALUES (old.id)")
		list, err := b.reader.Tables(t.Context())
		if err != nil || len(list) != 2 || list[0].Name != "app.nokey" || list[0].Problem == "" || list[1].Problem != "" {
			t.Fatalf("tables: %v, %v", list, err)
		}
		if want := "id int(11) NOT NULL\nv int(11)\nPRIMARY KEY (id)"; strings.ReplaceAll(list[1].Definition, "int ", "int(11) ") != want &&
			strings.ReplaceAll(list[1].Definition, "int\n", "int(11)\n") != want && !b.mysql {
			t.Errorf("definition: %s", list[1].Definition)
		}
		for table, want := range map[string]string{"app.private": "not replicated", "mysql.user": "not replicated", "app.gone": "missing", "app.nokey": "no primary key"} {
			if _, err := b.reader.Rows(context.Background(), table, relay.Span{}); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %q", table, err, want)
			}
		}
		row := b.rows("app.t", relay.Span{})[0]
		err = b.reader.Replace(t.Context(), relay.Replacement{Table: "app.t", Key: row.Key, Expect: &row.Sum})
		if err == nil || !strings.Contains(err.Error(), "triggers") {
			t.Errorf("a trigger would have fired: %v", err)
		}
	})
}

func FuzzRowKey(f *testing.F) {
	f.Add("31_.32_", 2)
	f.Fuzz(func(t *testing.T, text string, n int) {
		values, err := relay.RowKey(text).Values(n)
		if err == nil && !strings.EqualFold(string(relay.NewRowKey(values)), text) {
			t.Errorf("%q became %q", text, relay.NewRowKey(values))
		}
	})
}
