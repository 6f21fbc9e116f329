package apply_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/octant-db/octant/relay"
)

// TestChildrenAreFoundAsTheLogHasThem looks up children by keys of many types: what is found is, byte for byte, what the log would show, and both sides
// come to the same name of the parent.
func TestChildrenAreFoundAsTheLogHasThem(t *testing.T) {
	onEach(t, testChildrenAreFoundAsTheLogHasThem)
}

func testChildrenAreFoundAsTheLogHasThem(t *testing.T, on *database) {
	const rest = `, a TINYINT UNSIGNED, b BIGINT, c FLOAT, d DOUBLE, e DECIMAL(30,10), f BIT(11), g DATE, h TIME(3), i DATETIME(6), j TIMESTAMP(2) NULL, k YEAR,
		l CHAR(9) COLLATE utf8mb4_general_ci, m TEXT CHARACTER SET latin1, n VARBINARY(9), o BINARY(4), p BLOB, q ENUM('x','é'), r SET('x','y','z'), s JSON, u POINT,
		v BIGINT AS (id * 3) STORED, w INT NULL`
	const values = `7, -5, 1.1, 0.1, -12.3400000001, b'10000000001', '2024-02-29', '-12:30:00.250', '2024-01-02 03:04:05.000600', '2024-01-02 03:04:05.50', 2031,
		'Åb', 'é', x'00ff00', x'01', x'610000', 'é', 'x,z', '{"a": [1, "é"]}', POINT(1,2), DEFAULT, NULL`
	for _, c := range []struct{ column, parent, child, other string }{
		{"INT", "5", "5", "6"},
		{"BIGINT UNSIGNED", "18446744073709551615", "18446744073709551615", "1"},
		{"VARCHAR(20) COLLATE utf8mb4_general_ci", "'Ann'", "'aNN '", "'bob'"},
		{"CHAR(20) CHARACTER SET latin1 COLLATE latin1_swedish_ci", "'é'", "'E'", "'f'"},
		{"VARBINARY(9)", "x'0001'", "x'0001'", "x'00'"},
		{"BINARY(3)", "x'01'", "x'010000'", "x'02'"},
		{"DECIMAL(12,2)", "-1.50", "-1.5", "1.5"},
		{"DATETIME(3)", "'2024-01-02 03:04:05.25'", "'2024-01-02 03:04:05.250'", "'2024-01-02 03:04:05'"},
		{"ENUM('a','b')", "'b'", "2", "'a'"},
		{"UUID", "'0190a0a0-1234-7abc-8def-0123456789ab'", "'0190A0A0-1234-7ABC-8DEF-0123456789AB'", "'0190a0a0-1234-7abc-8def-0123456789ac'"},
	} {
		if c.column == "UUID" && on.mysql() {
			continue
		}
		b := on.newBed(t, "CREATE TABLE parents (name "+c.column+" PRIMARY KEY)",
			"CREATE TABLE children (id INT PRIMARY KEY, parent "+c.column+rest+", FOREIGN KEY (parent) REFERENCES parents (name) ON DELETE CASCADE)",
			"CREATE TABLE others (id INT PRIMARY KEY, parent "+c.column+", FOREIGN KEY (parent) REFERENCES parents (name))")
		logged := b.changes(b.recordBytes(func() {
			b.exec("INSERT INTO parents VALUES ("+c.parent+"), ("+c.other+")", "INSERT INTO children VALUES (1, "+c.child+", "+values+"), (2, "+c.other+", "+values+"), (3, NULL, "+values+")",
				"INSERT INTO others VALUES (1, "+c.parent+")")
		}))
		target := b.open("octant")
		parent, child := logged[0], logged[2]
		found, err := target.Below(b.ctx, parent.Table, []relay.Image{parent.After})
		if err != nil {
			t.Fatalf("%s: %v", c.column, err)
		}
		if len(found) != 1 || !bytes.Equal(found[0].Before, child.After) || !bytes.Equal(found[0].Table.Native, child.Table.Native) {
			t.Errorf("%s: found %d rows, want the one of the log: %x", c.column, len(found), child.After)
			for _, f := range found {
				t.Errorf("%x", f.Before)
			}
			continue
		}
		above, below := identityOf(t, b, target, parent), identityOf(t, b, target, child)
		if len(below.Parents) != 1 || !slices.Equal(above.Children, below.Parents) {
			t.Errorf("%s: the parent is %q for its children, and %q for itself", c.column, below.Parents, above.Children)
		}
		if stranger := identityOf(t, b, target, logged[1]); slices.Equal(stranger.Children, below.Parents) {
			t.Errorf("%s: two parents have one name", c.column)
		}
		if tie, ok := relay.ParseTie(below.Parents[0]); !ok || tie.Unset || tie.Child.Table != "children" || tie.Parent.Table != "parents" || !slices.Equal(tie.Columns, []string{"parent"}) {
			t.Errorf("%s: the tie reads %+v", c.column, tie)
		}
	}
}

// identityOf is the identity of the row after a change.
func identityOf(t *testing.T, b *bed, target relay.Target, c relay.Change) relay.Identity {
	t.Helper()
	ids, err := target.Identify(b.ctx, c.Table, []relay.Image{c.After})
	if err != nil {
		t.Fatal(err)
	}
	return ids[0]
}
