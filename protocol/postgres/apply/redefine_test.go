package apply_test

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/octant-db/octant/protocol/postgres/ddl"
	"github.com/octant-db/octant/relay"
)

// definition is a change as a trigger tells of it, at a place in its origin's log. Its seal is capture's business.
func definition(place uint64, told string) relay.Change {
	content := strings.Repeat("0", 64) + told
	m := binary.BigEndian.AppendUint64([]byte{'M', 1}, place)
	m = append(append(m, ddl.Prefix...), 0)
	m = append(binary.BigEndian.AppendUint32(m, uint32(len(content))), content...)
	return relay.Change{Op: relay.Statement, Session: m, Definition: &relay.Definition{Verb: "ALTER TABLE", Subject: "app.t"}}
}

// TestDefinitionIsRunOnce: one that is asked for again, because the relay died before its mark, is not run again, whatever was done since.
func TestDefinitionIsRunOnce(t *testing.T) {
	s := newStation(t, "CREATE TABLE t (id int PRIMARY KEY)")
	const before = `{"kind": "r", "schema": "app", "name": "t", "owner": "octant", "persistence": "p", "columns": [{"number": 1, "name": "id", "type": "integer", "not_null": true}]}`
	add := func(place uint64, column string) relay.Change {
		after := strings.Replace(before, "}]", `}, {"number": 2, "name": "`+column+`", "type": "text", "default": "'it''s'::text"}]`, 1)
		return definition(place, `{"tag": "ALTER TABLE", "before": `+before+`, "after": `+after+`}`)
	}
	define := func(from relay.Transaction, c relay.Change, want string) {
		t.Helper()
		if left, err := s.target.Define(s.ctx, from, c); err != nil || !strings.Contains(left, want) || want == "" && left != "" {
			t.Errorf("left %q, %v", left, err)
		}
	}
	columns := func(want string) {
		t.Helper()
		if got := strings.Join(s.Query(t, "SELECT column_name FROM information_schema.columns WHERE table_schema = 'app' ORDER BY ordinal_position"), " "); got != want {
			t.Errorf("columns %s, want %s", got, want)
		}
	}
	from := relay.Transaction{Origin: 2, Seq: 7, HLC: 100}
	define(from, add(10, "a"), "")
	define(from, add(20, "b"), "")
	columns("id a b")
	s.Exec(t, "ALTER TABLE app.t DROP a, DROP b")
	define(from, add(10, "a"), "")
	define(from, add(20, "b"), "")
	columns("id")
	define(from, add(30, "c"), "")
	columns("id c")
	define(relay.Transaction{Origin: 2, Seq: 8, HLC: 101}, add(5, "d"), "")
	columns("id c d")
	s.Exec(t, "ALTER TABLE app.t OWNER TO postgres; ALTER TABLE app.t ADD e int")
	define(relay.Transaction{Origin: 2, Seq: 9, HLC: 102}, add(6, "e"), "is text there and integer here")
	define(relay.Transaction{Origin: 2, Seq: 9, HLC: 102}, add(7, "f"), "server error 42501")
	columns("id c d e")
	define(relay.Transaction{Origin: 2, Seq: 9, HLC: 102}, definition(8, "{}"), "another version of the triggers")
}
