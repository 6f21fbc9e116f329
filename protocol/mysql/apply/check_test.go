package apply_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/octant-db/octant/relay"
)

func TestCheck(t *testing.T) { onEach(t, testCheck) }

func testCheck(t *testing.T, on *database) {
	const there = "CREATE TABLE t(id INT PRIMARY KEY, v VARCHAR(20) CHARACTER SET utf8mb4, e ENUM('a','b'))"
	cases := []struct{ here, want string }{
		{"", ""},
		{"ALTER TABLE t COMMENT 'x', ADD KEY(v), MODIFY id INT(5)", ""},
		{"DROP TABLE t", "missing here"},
		{"ALTER TABLE t ADD n INT", ""},
		{"ALTER TABLE t ADD n VARCHAR(9) NOT NULL DEFAULT 'it''s', ADD m DECIMAL(5,2) DEFAULT -1.5", ""},
		{"ALTER TABLE t ADD n INT NOT NULL", "column n stands only here, and rows cannot do without it"},
		{"ALTER TABLE t ADD n DATETIME DEFAULT CURRENT_TIMESTAMP", "column n stands only here, and rows cannot do without it"},
		{"ALTER TABLE t ADD n VARCHAR(40) DEFAULT (UUID())", "column n stands only here, and rows cannot do without it"},
		{"ALTER TABLE t ADD n INT DEFAULT 1, ADD UNIQUE nn (n)", "column n stands only here, in unique index nn"},
		{"ALTER TABLE t ADD n INT FIRST", "make the definitions equal"},
		{"ALTER TABLE t DROP e", "column e is missing here"},
		{"ALTER TABLE t MODIFY v VARCHAR(21)", "varchar(20) there and varchar(21) here"},
		{"ALTER TABLE t MODIFY id INT UNSIGNED", "int there and int unsigned here"},
		{"ALTER TABLE t MODIFY v VARCHAR(20) CHARACTER SET latin1", "collation"},
		{"ALTER TABLE t MODIFY v VARCHAR(20) COLLATE utf8mb4_bin", "collation"},
		{"ALTER TABLE t MODIFY e ENUM('b','a')", "other labels"},
		{"ALTER TABLE t RENAME COLUMN v TO w", "is v there and w here"},
		{"ALTER TABLE t DROP PRIMARY KEY", "no primary key here"},
		{"ALTER TABLE t DROP PRIMARY KEY, ADD PRIMARY KEY(id,v)", "primary key is (id) there and (id, v) here"},
		{"ALTER TABLE t ENGINE=MyISAM", "no transactions"},
		{"ALTER TABLE t ADD SYSTEM VERSIONING", "system-versioned"},
		{"ALTER TABLE t ADD UNIQUE KEY shout ((UPPER(v)))", "shout is on an expression"},
		{"RENAME TABLE t TO u; CREATE VIEW t AS SELECT * FROM u", "view"},
	}
	for _, c := range cases {
		if on.lacks(c.here) {
			continue
		}
		b := on.newBed(t, there)
		changes := b.images("t", "INSERT INTO t VALUES(1,'a','a')")
		target := b.open("octant")
		if err := target.Check(b.ctx, changes[0].Table); err != nil {
			t.Fatal(err)
		}
		if c.here != "" {
			b.quietly(strings.Split(c.here, "; ")...)
		}
		if err := target.Check(b.ctx, changes[0].Table); err != nil {
			t.Fatalf("%s: not remembered: %v", c.here, err)
		}
		target.Refresh()
		err := target.Check(b.ctx, changes[0].Table)
		var difference *relay.TableError
		switch {
		case c.want == "":
			if err != nil {
				t.Errorf("%s: %v", c.here, err)
			}
		case !errors.As(err, &difference) || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), b.schema+".t: "):
			t.Errorf("%s: %v, want %q", c.here, err, c.want)
		}
	}
}

func TestCheckNeedsPrimaryKey(t *testing.T) { onEach(t, testCheckNeedsPrimaryKey) }

func testCheckNeedsPrimaryKey(t *testing.T, on *database) {
	b := on.newBed(t, "CREATE TABLE t(a INT)")
	changes := b.images("t", "INSERT INTO t VALUES(1)")
	if err := b.open("octant").Check(b.ctx, changes[0].Table); err == nil || !strings.Contains(err.Error(), "no primary key where") {
		t.Fatal(err)
	}
}

func TestErrorsThatAreAboutTheDefinitionForgetIt(t *testing.T) {
	onEach(t, testErrorsThatAreAboutTheDefinitionForgetIt)
}

func testErrorsThatAreAboutTheDefinitionForgetIt(t *testing.T, on *database) {
	b := on.newBed(t, simpleTable)
	changes := b.images("t", "INSERT INTO t VALUES(1,'a',10)")
	target := b.open("octant")
	if err := target.Check(b.ctx, changes[0].Table); err != nil {
		t.Fatal(err)
	}
	b.quietly("DROP TABLE t")
	if err := b.apply(target, writesOf(changes, asLogged)...); err == nil {
		t.Fatal("a missing table was written to")
	}
	if err := target.Check(b.ctx, changes[0].Table); err == nil || !strings.Contains(err.Error(), "missing") {
		t.Fatalf("Check: %v", err)
	}
	b.quietly("CREATE TABLE t(id INT PRIMARY KEY, v INT, u INT)")
	if err := b.apply(target, writesOf(changes, asLogged)...); err == nil {
		t.Fatal("a table with other types was written to")
	} else if strings.Contains(err.Error(), "left out") {
		t.Errorf("the text was withheld: %v", err)
	}
}

func TestPrivilegesThatComeLater(t *testing.T) { onEach(t, testPrivilegesThatComeLater) }

// testPrivilegesThatComeLater: sessions keep the global privileges that they began with, and the relay is not started again for new ones.
func testPrivilegesThatComeLater(t *testing.T, on *database) {
	b := on.newBed(t, "CREATE TABLE t(id INT PRIMARY KEY, v VARCHAR(20))")
	changes := b.images("t", "INSERT INTO t VALUES(1, 'one')")
	b.quietly("CREATE USER late@'127.0.0.1' IDENTIFIED BY '"+password+"'", "GRANT CREATE, SELECT, INSERT, UPDATE ON octant.* TO late@'127.0.0.1'")
	t.Cleanup(func() { b.quietly("DROP USER late@'127.0.0.1'") })
	if on.mysql() {
		b.quietly("GRANT REPLICATION_APPLIER ON *.* TO late@'127.0.0.1'")
	}
	target := b.open("late")
	if err := target.Check(b.ctx, changes[0].Table); err == nil || !strings.Contains(err.Error(), "may not SELECT") {
		t.Errorf("a table that the user may not see: %v", err)
	}
	b.quietly("GRANT SELECT ON *.* TO late@'127.0.0.1'")
	target.Refresh()
	if err := target.Check(b.ctx, changes[0].Table); err != nil {
		t.Errorf("once it may: %v", err)
	}
	writes := writesOf(changes, unknown)
	if err := b.apply(target, writes...); err == nil {
		t.Error("rows were written without the privilege")
	}
	b.quietly("GRANT INSERT, UPDATE, DELETE ON *.* TO late@'127.0.0.1'")
	b.mustApply(target, writes...)
}
