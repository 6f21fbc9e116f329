package apply_test

import (
	"strings"
	"testing"
)

func TestAuthor(t *testing.T) { onEach(t, testAuthor) }

func TestStands(t *testing.T) { onEach(t, testStands) }

// testStands compares rows with what is on record of them.
func testStands(t *testing.T, on *database) {
	b := on.newBed(t, `CREATE TABLE t(id INT PRIMARY KEY, v VARCHAR(20), n INT AS (id * 2) VIRTUAL, amount DECIMAL(10,2), at DATETIME(3), octets VARBINARY(8),
		kind ENUM('one','two'), some SET('x','y'), big BIGINT UNSIGNED)`)
	const insert = `INSERT INTO t(id, v, amount, at, octets, kind, some, big) VALUES(1, 'it''s \\', 1.50, '2026-01-02 03:04:05.678', x'00ff', 'two', 'x,y', 18446744073709551615)`
	changes := b.images("t", insert)
	b.exec(insert)
	target := b.open("octant")
	const same = `{"id": 1, "v": "it's \\", "n": 2, "amount": 1.50, "at": "2026-01-02 03:04:05.678", "octets": "0x00ff", "kind": "two", "some": ["x", "y"], "big": 18446744073709551615}`
	stands := func(row string, want bool) {
		t.Helper()
		if got, err := target.Stands(b.ctx, changes[0].Table, changes[0].After, row); err != nil || got != want {
			t.Errorf("%s stands: %v, %v", row, got, err)
		}
	}
	stands(same, true)
	stands("", false)
	for was, is := range map[string]string{`"v": "it's`: `"v": "its`, "1.50": "1.51", "05.678": "05.679", "00ff": "00fe", `"two"`: `"one"`, `["x", "y"]`: `["x"]`, "615}": "614}", `"0x00ff"`: "null"} {
		stands(strings.Replace(same, was, is, 1), false)
	}
	b.exec("DELETE FROM t")
	stands(same, false)
	stands("", true)
}

// testAuthor writes rows as an application does.
func testAuthor(t *testing.T, on *database) {
	b := on.newBed(t, "CREATE TABLE t(id INT PRIMARY KEY, v VARCHAR(20), n INT AS (id * 2) VIRTUAL, p INT AS (id + 1) STORED, CHECK (v <> 'bad'))")
	changes := b.images("t", "INSERT INTO t(id, v) VALUES(1, 'one')")
	user := "octant"
	if !on.mysql() { // there it writes row events alone
		user = "plain"
		b.quietly("GRANT UPDATE ON `app%`.* TO plain@'127.0.0.1'")
	}
	target := b.open(user)
	for _, c := range []struct{ name, row, rows, err string }{
		{"some columns", `{"v": "it's \\ \"new\""}`, `1 it's \ "new" 2 2`, ""},
		{"a row as it is on record, computed columns and key and all", `{"id": 1, "v": "kept", "n": 2, "p": 2}`, "1 kept 2 2", ""},
		{"computed columns alone", `{"n": 3}`, "1 kept 2 2", "computes all of these columns"},
		{"the same again", `{"v": "kept"}`, "1 kept 2 2", "stands so already"},
		{"a constraint", `{"v": "bad"}`, "1 kept 2 2", "constraint"},
		{"another key", `{"id": 2, "v": "x"}`, "1 kept 2 2", "column id is in the key"},
		{"no such column", `{"w": 1}`, "1 kept 2 2", `no column "w"`},
		{"deleted", "", "", ""},
		{"not there", `{"v": null}`, "1 NULL 2 2", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := target.Author(b.ctx, changes[0].Table, changes[0].After, c.row)
			if (err != nil) != (c.err != "") || err != nil && !strings.Contains(strings.ToLower(err.Error()), strings.ToLower(c.err)) {
				t.Errorf("error %v, want %q", err, c.err)
			}
			if got := strings.TrimSpace(b.rows("SELECT id, v, n, p FROM t")); got != c.rows {
				t.Errorf("rows %s, want %s", got, c.rows)
			}
		})
	}
}
