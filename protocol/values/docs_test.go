package values_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/protocol/postgres/logical"
	"github.com/octant-db/octant/protocol/values"
	"github.com/octant-db/octant/relay"
)

var update = flag.Bool("update", false, "write docs/types.md anew")

const page = "../../docs/types.md"

// familyTypes are MariaDB's and MySQL's, as a table map has them.
var familyTypes = []string{
	"tinyint", "smallint unsigned", "int", "int unsigned", "bigint", "bigint unsigned", "year", "decimal(10,2)", "float", "double", "bit(1)", "bit(8)",
	"char(10)", "varchar(20)", "longtext", "binary(16)", "varbinary(20)", "longblob", "date", "time(6)", "datetime(6)", "timestamp(6)", "enum", "set", "json", "geometry",
}

// postgresTypes are PostgreSQL's, as format_type has them, with the number of the base type.
var postgresTypes = []struct {
	name string
	oid  uint32
}{
	{"boolean", 16}, {"smallint", 21}, {"integer", 23}, {"bigint", 20}, {"numeric(10,2)", 1700}, {"numeric(20,0)", 1700}, {"numeric", 1700}, {"real", 700}, {"double precision", 701},
	{"bit(1)", 1560}, {"bit(8)", 1560}, {"bit varying(8)", 1562}, {"character(10)", 1042}, {"character varying(20)", 1043}, {"text", 25}, {"bytea", 17}, {"uuid", 2950},
	{"date", 1082}, {"time without time zone", 1083}, {"interval", 1186}, {"timestamp without time zone", 1114}, {"timestamp with time zone", 1184},
	{"an enum", 0}, {"json", 114}, {"jsonb", 3802}, {"inet", 869}, {"integer[]", 1007}, {"int4range", 3904}, {"money", 790},
	{"time with time zone", 1266},
}

// mariaDBTypes are MariaDB's, and what its log has them as.
var mariaDBTypes = append(typesOf("tinyint", "smallint unsigned", "int", "int unsigned", "bigint", "bigint unsigned", "year", "decimal(10,2)", "float", "double", "bit(1)", "bit(8)",
	"char(10)", "varchar(20)", "longtext", "binary(16)", "varbinary(20)", "longblob", "date", "time(6)", "datetime(6)", "timestamp(6)", "enum", "set", "geometry"),
	docType{"json", "longtext"}, docType{"uuid", "binary(16)"}, docType{"inet6", "binary(16)"})

// docType is a type of MariaDB or MySQL by its name in the page and in a table map.
type docType struct{ name, logged string }

func typesOf(names ...string) (list []docType) {
	for _, name := range names {
		list = append(list, docType{name, name})
	}
	return list
}

var docLabels = []string{"a", "b"}

func familyType(t *testing.T, name string) relay.Type {
	t.Helper()
	c := binlog.DefinedColumn{Name: "c", Type: name}
	switch name {
	case "enum", "set":
		c.Labels, c.Collation = docLabels, "utf8mb4_bin"
	case "char(10)", "varchar(20)", "longtext":
		c.Collation = "utf8mb4_bin"
	}
	d := binlog.Definition{Flavour: binlog.MySQL, Schema: "s", Name: "t", Columns: []binlog.DefinedColumn{c}, Key: []relay.KeyPart{{}}}
	native, err := d.Native()
	if err != nil {
		t.Fatal(err)
	}
	s, err := binlog.ParseMySQLTable(native)
	if err != nil {
		t.Fatal(err)
	}
	return s.Table.Plain.Types()[0]
}

func postgresType(t *testing.T, name string, oid uint32) relay.Type {
	t.Helper()
	c := logical.Column{Name: "c", Type: name, Form: logical.FormOf(oid, oid == 0)}
	if oid == 0 {
		c.Labels = docLabels
	}
	d := logical.Description{Schema: "s", Name: "t", Columns: []logical.Column{c}, Key: []int{0}}
	s, err := logical.NewTableCache().Get(d.Append(nil))
	if err != nil {
		t.Fatal(err)
	}
	return s.Table.Plain.Types()[0]
}

// side is one engine's types, by their names in the page, in its order.
type side struct {
	engine string
	names  []string
	types  map[string]relay.Type
}

func (s *side) add(name string, is relay.Type) {
	if s.types == nil {
		s.types = make(map[string]relay.Type)
	}
	s.names = append(s.names, name)
	s.types[name] = is
}

func familySide(t *testing.T, engine string, types []docType) *side {
	s := &side{engine: engine}
	for _, d := range types {
		s.add(d.name, familyType(t, d.logged))
	}
	return s
}

func postgresSide(t *testing.T) *side {
	s := &side{engine: "PostgreSQL"}
	for _, p := range postgresTypes {
		s.add(p.name, postgresType(t, p.name, p.oid))
	}
	return s
}

// docTable is a table of docs/types.md.
type docTable struct {
	begins    string
	one, back *side
}

func docTables(t *testing.T) []docTable {
	return []docTable{
		{"<!-- The table is written by go test ./protocol/values -run TestDocs -update -->\n", familySide(t, "MariaDB, MySQL", typesOf(familyTypes...)), postgresSide(t)},
		{"<!-- This table too -->\n", familySide(t, "MariaDB", mariaDBTypes), familySide(t, "MySQL", typesOf(familyTypes...))},
	}
}

// pairs is the table as the code has it.
func (d *docTable) pairs(t *testing.T) string {
	var b strings.Builder
	way := "refused on the way to " + d.back.engine
	fmt.Fprintf(&b, "| %s | %s | %s | refused on the way back |\n| --- | --- | --- | --- |\n", d.one.engine, d.back.engine, way)
	for _, name := range d.one.names {
		one, found := d.one.types[name], false
		for _, other := range d.back.names {
			there := d.back.types[other]
			to, ok := values.Refused(one, there)
			from, okBack := values.Refused(there, one)
			if ok != okBack {
				t.Errorf("%s and %s go together in one direction only", name, other)
			}
			if ok {
				found = true
				fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", name, other, to, from)
			}
		}
		if !found {
			fmt.Fprintf(&b, "| %s | none | | |\n", name)
		}
	}
	return b.String()
}

const ends = "<!-- End of the table -->"

// written is the table as the page has it, with what stands around it.
func (d *docTable) written(t *testing.T, text string) (before, table, after string) {
	t.Helper()
	before, rest, ok := strings.Cut(text, d.begins)
	table, after, closed := strings.Cut(rest, ends)
	if !ok || !closed {
		t.Fatalf("%s has no place for the table of %s and %s", page, d.one.engine, d.back.engine)
	}
	return before, table, after
}

func readPage(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestDocs holds the page's tables against the code's.
func TestDocs(t *testing.T) {
	text := readPage(t)
	for _, d := range docTables(t) {
		before, old, after := d.written(t, text)
		want := d.pairs(t)
		if text = before + d.begins + want + ends + after; old != want && !*update {
			t.Errorf("docs/types.md does not say what the code does: run go test ./protocol/values -run TestDocs -update\n%s", want)
		}
	}
	if *update {
		if err := os.WriteFile(page, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestDocsArePlayed reads the page's tables and brings edge values over by each row, both ways and back again: a value comes back as it was, or is refused where the row says that some are.
func TestDocsArePlayed(t *testing.T) {
	text := readPage(t)
	for _, d := range docTables(t) {
		_, table, _ := d.written(t, text)
		played := 0
		for line := range strings.Lines(table) {
			cells := strings.Split(strings.Trim(line, "|\n"), "|")
			for i := range cells {
				cells[i] = strings.TrimSpace(cells[i])
			}
			one, known := d.one.types[cells[0]]
			other, there := d.back.types[cells[1]]
			if !known || !there {
				continue // the head, or a type without a counterpart
			}
			played++
			playPair(t, cells[0]+" to "+cells[1], &one, &other, cells[2], cells[3])
			playPair(t, cells[1]+" to "+cells[0], &other, &one, cells[3], cells[2])
		}
		if played < 60 {
			t.Errorf("%s and %s: %d rows were played", d.one.engine, d.back.engine, played)
		}
	}
}

func playPair(t *testing.T, name string, from, to *relay.Type, refused, refusedBack string) {
	t.Helper()
	accepted, declined := 0, 0
	for _, v := range edgesOf(from) {
		there, err := values.Convert(v, from, to)
		if err != nil {
			if declined++; refused == "" {
				t.Errorf("%s: %s is refused, and the page does not say so: %v", name, shown(v), err)
			}
			continue
		}
		accepted++
		back, err := values.Convert(there, to, from)
		if err != nil && refusedBack != "" {
			continue
		}
		if err != nil || shown(back) != shown(v) {
			t.Errorf("%s: %s has come to %s, and back to %s, %v", name, shown(v), shown(there), shown(back), err)
		}
	}
	if refused == "" && accepted == 0 || refused != "" && declined == 0 && from.Kind != relay.Set { // its labels are short here
		t.Errorf("%s: %d values were accepted and %d refused; the page says %q", name, accepted, declined, refused)
	}
}
