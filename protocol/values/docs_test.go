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

// pairs is the table of docs/types.md.
func pairs(t *testing.T) string {
	var b strings.Builder
	b.WriteString("| MariaDB, MySQL | PostgreSQL | refused on the way to PostgreSQL | refused on the way back |\n| --- | --- | --- | --- |\n")
	for _, name := range familyTypes {
		family, found := familyType(t, name), false
		for _, p := range postgresTypes {
			there := postgresType(t, p.name, p.oid)
			to, ok := values.Refused(family, there)
			from, okBack := values.Refused(there, family)
			if ok != okBack {
				t.Errorf("%s and %s go together in one direction only", name, p.name)
			}
			if ok {
				found = true
				fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", name, p.name, to, from)
			}
		}
		if !found {
			fmt.Fprintf(&b, "| %s | none | | |\n", name)
		}
	}
	return b.String()
}

const (
	begins = "<!-- The table is written by go test ./protocol/values -run TestDocs -update -->\n"
	ends   = "<!-- End of the table -->"
)

// TestDocs holds the page's table against the code's.
func TestDocs(t *testing.T) {
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), begins)
	old, after, closed := strings.Cut(rest, ends)
	if !ok || !closed {
		t.Fatalf("%s has no place for the table", page)
	}
	want := pairs(t)
	if *update {
		if err := os.WriteFile(page, []byte(before+begins+want+ends+after), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if old != want {
		t.Errorf("docs/types.md does not say what the code does: run go test ./protocol/values -run TestDocs -update\n%s", want)
	}
}
