package apply_test

import (
	"strings"
	"testing"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/protocol/mysql/ddl"
	"github.com/octant-db/octant/relay"
)

// definitions runs statements and returns them as the log has them.
func (b *bed) definitions(statements ...string) []relay.Change {
	b.t.Helper()
	data := b.recordBytes(func() { b.exec(statements...) })
	var list []relay.Change
	for c, err := range binlog.NewDecoder(b.tables).Changes(binlog.One(data)) {
		if err != nil {
			b.t.Fatal(err)
		}
		if c.Definition != nil {
			list = append(list, c)
		}
	}
	return list
}

func TestDefine(t *testing.T) { onEach(t, testDefine) }

// A definition is run with its own session's settings, signed, and not again when its effects are there.
func testDefine(t *testing.T, on *database) {
	b := on.newBed(t)
	statements := []string{
		"CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20))",
		"SET sql_mode='ANSI_QUOTES'", `ALTER TABLE "t" ADD "w x" INT NOT NULL DEFAULT 7, ADD INDEX "by v" (v)`, "SET sql_mode=''",
		"ALTER TABLE t ADD ü VARCHAR(10) NULL COMMENT 'grün'", "DROP INDEX `by v` ON t",
	}
	log := b.definitions(statements...)
	if len(log) != 4 {
		t.Fatalf("%d definitions", len(log))
	}
	want := b.rows("SELECT column_name, column_type, column_comment FROM information_schema.columns WHERE table_schema=DATABASE() AND table_name='t'")
	b.exec("DROP TABLE t")
	target := b.open("octant")
	from := relay.Transaction{Origin: 3, Seq: 17, HLC: 1_700_000_000_000_001}
	data := b.recordBytes(func() {
		for _, c := range log {
			for range 2 { // as after a crash before the mark
				if left, err := target.Define(b.ctx, from, c); left != "" || err != nil {
					t.Errorf("%s: %q, %v", c.SQL, left, err)
				}
			}
		}
	})
	if got := b.rows("SELECT column_name, column_type, column_comment FROM information_schema.columns WHERE table_schema=DATABASE() AND table_name='t'"); got != want {
		t.Errorf("there is %s, want %s", got, want)
	}
	ran := 0
	for c, err := range binlog.NewDecoder(b.tables).Changes(binlog.One(data)) {
		if err != nil {
			t.Fatal(err)
		}
		if c.Definition == nil {
			continue
		}
		ran++
		if by, ok := ddl.Signed([]byte(c.SQL)); !ok || by != (ddl.Signature{Origin: 3, Seq: 17, HLC: from.HLC}) {
			t.Errorf("%s: signed %+v", c.SQL, by)
		}
	}
	if ran != len(log) {
		t.Errorf("%d statements were logged, want %d", ran, len(log))
	}
}

func TestDefineLeavesToPeople(t *testing.T) { onEach(t, testDefineLeaves) }

// What the server refuses, what is half done, and indexes that keep rows apart are left.
func testDefineLeaves(t *testing.T, on *database) {
	b := on.newBed(t, "CREATE TABLE t (id INT PRIMARY KEY, v INT, UNIQUE u (v))", "CREATE TABLE bare (v INT)")
	poor := "plain"
	if on.mysql() {
		poor = "wide"
	}
	for _, test := range []struct{ user, sql, want string }{
		{"octant", "ALTER TABLE missing ADD w INT", "1146"},
		{"octant", "ALTER TABLE t ADD v INT NULL, ADD w INT NULL", "a part of what it does"},
		{"octant", "DROP INDEX u ON t", "the index is unique"},
		{"octant", "TRUNCATE missing", "not here"},
		{"octant", "TRUNCATE TABLE bare", "no primary key"},
		{"octant", "ALTER TABLE t DROP COLUMN v", "takes something away"},
		{"octant", "ALTER TABLE t MODIFY v BIGINT NOT NULL", "may be NULL here"},
		{"octant", "ALTER TABLE t MODIFY v SMALLINT", "is int"},
		{"octant", "ALTER TABLE t MODIFY w BIGINT", "w is not here"},
		{"octant", "ALTER TABLE t MODIFY id BIGINT NOT NULL AUTO_INCREMENT", "computed"},
		{"octant", "ALTER TABLE missing MODIFY v BIGINT", "is not here"},
		{poor, "CREATE INDEX i ON t (v)", "1142"},
	} {
		c := relay.Change{Op: relay.Statement, Schema: b.schema, SQL: test.sql, Definition: &relay.Definition{Verb: "ALTER TABLE", Subject: "t"}}
		left, err := b.open(test.user).Define(b.ctx, relay.Transaction{Origin: 3, Seq: 1}, c)
		if err != nil || !strings.Contains(left, test.want) {
			t.Errorf("%s as %s: %q, %v, want %q", test.sql, test.user, left, err, test.want)
		}
	}
}
