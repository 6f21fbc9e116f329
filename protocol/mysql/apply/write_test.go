package apply_test

import (
	"errors"
	"testing"

	"github.com/octant-db/octant/protocol/mysql/apply"
	"github.com/octant-db/octant/relay"
)

const simpleTable = "CREATE TABLE t(id INT PRIMARY KEY, v VARCHAR(40), u INT, UNIQUE KEY u_key(u))"

// path is a way in which rows can be written.
type path struct {
	name   string
	user   string
	expect func(relay.Change) relay.Presence
}

var paths = []path{
	{"fast", "octant", asLogged},
	{"slow", "octant", unknown},
	{"fast with text logged", "replay", asLogged},
	{"sql", "plain", asLogged},
	{"sql, unknown", "plain", unknown},
}

// paths are those that the server has: MySQL is written to by row events alone.
func (d *database) paths() []path {
	if d.mysql() {
		return paths[:2]
	}
	return paths
}

// users are the accounts of the paths.
func (d *database) users() []string {
	if d.mysql() {
		return []string{"octant"}
	}
	return []string{"octant", "plain"}
}

func TestWriteEveryKind(t *testing.T) { onEach(t, testWriteEveryKind) }

func testWriteEveryKind(t *testing.T, on *database) {
	for _, p := range on.paths() {
		t.Run(p.name, func(t *testing.T) {
			b := on.newBed(t, simpleTable)
			changes := b.images("t", "INSERT INTO t VALUES(1,'a',10),(2,'b',20),(3,'c',30)", "UPDATE t SET v='A', u=NULL WHERE id=1",
				"DELETE FROM t WHERE id=2")
			inserts, update, remove := changes[:3], changes[3:4], changes[4:]
			target := b.open(p.user)
			if got := target.RowEvents(); got != (p.user != "plain") {
				t.Fatalf("row events: %v", got)
			}
			b.mustApply(target, writesOf(inserts, p.expect)...)
			b.same("SELECT * FROM t ORDER BY id", "1 a 10\n2 b 20\n3 c 30\n")
			b.mustApply(target, writesOf(append(update, remove...), p.expect)...)
			b.same("SELECT * FROM t ORDER BY id", "1 A NULL\n3 c 30\n")
			b.mustApply(target)
		})
	}
}

func TestWriteFindsRowsByPrimaryKeyAlone(t *testing.T) {
	onEach(t, testWriteFindsRowsByPrimaryKeyAlone)
}

func testWriteFindsRowsByPrimaryKeyAlone(t *testing.T, on *database) {
	b := on.newBed(t, simpleTable)
	changes := b.images("t", "INSERT INTO t VALUES(1,'a',10),(2,'b',20)")
	b.quietly("INSERT INTO t VALUES(1,'other',77),(2,'other',78)")
	target := b.open("octant")
	b.mustApply(target,
		relay.Write{Table: changes[0].Table, After: changes[0].After, Expect: relay.Present},
		relay.Write{Table: changes[1].Table, Before: changes[1].After, Expect: relay.Present})
	b.same("SELECT * FROM t", "1 a 10\n")
}

func TestWriteReportsPresence(t *testing.T) { onEach(t, testWriteReportsPresence) }

func testWriteReportsPresence(t *testing.T, on *database) {
	b := on.newBed(t, simpleTable)
	changes := b.images("t", "INSERT INTO t VALUES(1,'a',10),(2,'b',20)")
	first, second := changes[0], changes[1]
	b.quietly("INSERT INTO t VALUES(1,'stands',99)")
	target := b.open("octant")
	cases := map[string]relay.Write{
		"insert of a row that stands":       {Table: first.Table, After: first.After, Expect: relay.Absent},
		"update of a row that is missing":   {Table: first.Table, Before: second.After, After: second.After, Expect: relay.Present},
		"deletion of a row that is missing": {Table: first.Table, Before: second.After, Expect: relay.Present},
	}
	for name, w := range cases {
		t.Run(name, func(t *testing.T) {
			err := b.apply(target, w)
			if !errors.Is(err, relay.ErrPresence) || relay.Retryable(err) {
				t.Fatalf("got %v", err)
			}
			b.same("SELECT * FROM t", "1 stands 99\n")
			w.Expect = relay.Unknown
			if err := b.apply(target, w); err != nil {
				t.Fatal(err)
			}
			b.quietly("DELETE FROM t", "INSERT INTO t VALUES(1,'stands',99)")
		})
	}
}

func TestUniqueValues(t *testing.T) { onEach(t, testUniqueValues) }

func testUniqueValues(t *testing.T, on *database) {
	for _, p := range on.paths() {
		t.Run(p.name, func(t *testing.T) {
			b := on.newBed(t, simpleTable)
			changes := b.images("t", "INSERT INTO t VALUES(1,'a',10),(2,'b',20),(3,'c',30)",
				"DELETE FROM t", "INSERT INTO t VALUES(1,'a',20),(2,'b',30),(3,'c',10)")
			before, rotated := changes[:3], changes[6:]
			target := b.open(p.user)
			b.mustApply(target, writesOf(before, asLogged)...)

			var writes []relay.Write
			for i, c := range rotated {
				writes = append(writes, relay.Write{Table: c.Table, Before: before[i].After, After: c.After, Expect: relay.Unknown})
			}
			// A chain that has an order, once the last row is out of the way, and then a circle that has none.
			b.mustApply(target, relay.Write{Table: writes[2].Table, Before: before[2].After, Expect: relay.Unknown}, writes[0], writes[1])
			b.same("SELECT * FROM t ORDER BY id", "1 a 20\n2 b 30\n")
			b.mustApply(target, writes[2])
			for i := range writes {
				writes[i].After = before[i].After
			}
			b.mustApply(target, writes...)
			b.same("SELECT * FROM t ORDER BY id", "1 a 10\n2 b 20\n3 c 30\n")
		})
	}
}

func TestBlocked(t *testing.T) { onEach(t, testBlocked) }

func testBlocked(t *testing.T, on *database) {
	for _, user := range on.users() {
		b := on.newBed(t, simpleTable)
		changes := b.images("t", "INSERT INTO t VALUES(1,'hidden value',10)")
		b.quietly("INSERT INTO t VALUES(2,'blocker',10)")
		target := b.open(user)
		err := b.apply(target, relay.Write{Table: changes[0].Table, After: changes[0].After})
		var blocked *apply.BlockedError
		if !errors.As(err, &blocked) || errors.Is(err, relay.ErrPresence) || relay.Retryable(err) {
			t.Fatalf("got %v", err)
		}
		if table, index := blocked.Blocked(); table != b.schema+".t" || index != "u_key" {
			t.Fatalf("blocked by %s %s", table, index)
		}
		b.same("SELECT * FROM t", "2 blocker 10\n")
		b.mustApply(target) // the lane is as good as new
	}
}

// TestClear has rows that others are in the way of in two unique indexes make their way.
func TestClear(t *testing.T) { onEach(t, testClear) }

func testClear(t *testing.T, on *database) {
	for _, user := range on.users() {
		b := on.newBed(t, "CREATE TABLE t(id INT PRIMARY KEY, a VARCHAR(20) COLLATE utf8mb4_general_ci, b INT, UNIQUE u_a(a(3)), UNIQUE u_b(b))")
		changes := b.images("t",
			"INSERT INTO t VALUES(1,'abcd',10)", "UPDATE t SET a='new', b=11 WHERE id=1",
			"INSERT INTO t VALUES(4,'four',NULL)", "INSERT INTO t VALUES(5,NULL,NULL)")
		b.quietly("INSERT INTO t VALUES(1,'abcd',10)")
		b.quietly("INSERT INTO t VALUES(2,'NEWER',20),(3,'c',11),(6,'other',60),(7,'FOUL',NULL),(8,NULL,NULL)")
		target := b.open(user)
		b.mustApply(target,
			relay.Write{Table: changes[1].Table, Before: changes[1].Before, After: changes[1].After, Clear: true},
			relay.Write{Table: changes[2].Table, After: changes[2].After, Clear: true},
			relay.Write{Table: changes[3].Table, After: changes[3].After, Clear: true})
		b.same("SELECT * FROM t ORDER BY id", "1 new 11\n4 four NULL\n5 NULL NULL\n6 other 60\n8 NULL NULL\n")
	}
}

func TestWriteNeedsImages(t *testing.T) { onEach(t, testWriteNeedsImages) }

func testWriteNeedsImages(t *testing.T, on *database) {
	b := on.newBed(t, simpleTable, "CREATE TABLE bare(a INT)")
	changes := b.images("t", "INSERT INTO t VALUES(1,'a',10)")
	bare := b.images("bare", "INSERT INTO bare VALUES(1)")
	target := b.open("octant")
	if err := b.apply(target, relay.Write{Table: changes[0].Table}); err == nil {
		t.Error("a write without images passed")
	}
	var difference *relay.TableError
	if err := b.apply(target, relay.Write{Table: bare[0].Table, After: bare[0].After}); !errors.As(err, &difference) {
		t.Errorf("a table without primary key: %v", err)
	}
}

// TestRowsWithMoreColumnsAreRefused: the server would take them, and leave out the last columns.
func TestRowsWithMoreColumnsAreRefused(t *testing.T) { onEach(t, testRowsWithMoreColumnsAreRefused) }

func testRowsWithMoreColumnsAreRefused(t *testing.T, on *database) {
	for _, p := range on.paths() {
		b := on.newBed(t, "CREATE TABLE t(id INT PRIMARY KEY, v VARCHAR(40), w INT)")
		changes := b.images("t", "INSERT INTO t VALUES(1,'a',10),(2,'b',20)", "UPDATE t SET w=11 WHERE id=1")
		b.quietly("INSERT INTO t VALUES(1,'a',10)", "ALTER TABLE t DROP w")
		target := b.open(p.user)
		for _, c := range changes[1:] {
			r, refused := relay.Rejected(b.apply(target, writesOf([]relay.Change{c}, p.expect)...))
			if !refused || r.Reason != relay.OtherDefinition {
				t.Errorf("%s: %s gives %+v", p.name, c.Op, r)
			}
		}
		b.same("SELECT * FROM t ORDER BY id", "1 a\n")
	}
}

func TestTriggersAndForeignKeys(t *testing.T) { onEach(t, testTriggersAndForeignKeys) }

func testTriggersAndForeignKeys(t *testing.T, on *database) {
	b := on.newBed(t, "CREATE TABLE p(id INT PRIMARY KEY)", "CREATE TABLE t(id INT PRIMARY KEY, p INT, FOREIGN KEY(p) REFERENCES p(id) ON DELETE CASCADE)",
		"CREATE TABLE fired(what VARCHAR(20))")
	parents := b.images("p", "INSERT INTO p VALUES(1)")
	b.quietly("SET foreign_key_checks=0", "INSERT INTO p VALUES(1)")
	children := b.images("t", "INSERT INTO t VALUES(5,1),(6,1)")
	b.quietly("DELETE FROM p", "CREATE TRIGGER ti AFTER INSERT ON t FOR EACH ROW INSERT INTO fired VALUES('insert')",
		"CREATE TRIGGER td AFTER DELETE ON t FOR EACH ROW INSERT INTO fired VALUES('delete')")
	target := b.open("octant")
	// The child comes before its parent, and the parent goes before its children.
	b.mustApply(target, writesOf(children, asLogged)...)
	b.mustApply(target, writesOf(parents, asLogged)...)
	b.mustApply(target, relay.Write{Table: parents[0].Table, Before: parents[0].After, Expect: relay.Present})
	b.mustApply(target, relay.Write{Table: children[0].Table, Before: children[0].After})
	b.same("SELECT * FROM t", "6 1\n")
	b.same("SELECT * FROM fired", "")
}
