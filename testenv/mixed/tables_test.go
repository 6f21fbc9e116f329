package mixed_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"sort"
	"strconv"
	"strings"
	"testing"
)

// table is one table in the words of each engine.
type table struct {
	name    string
	columns []column
	rest    string // keys, the same in all
}

// column is one column; its types are MariaDB's, MySQL's and PostgreSQL's.
type column struct {
	name  string
	types [3]string
	kind  string // how values are compared; "": as text
}

const bytewise = " CHARACTER SET utf8mb4 COLLATE "

// each is for types of the same name everywhere.
func each(t string) [3]string { return [3]string{t, t, t} }

// text is a text column that compares bytes everywhere.
func text(size string) [3]string {
	return [3]string{size + bytewise + "utf8mb4_nopad_bin", size + bytewise + "utf8mb4_0900_bin", size}
}

func both(family, postgres string) [3]string { return [3]string{family, family, postgres} }

// everything has a column for each type that has a counterpart in the other engines.
var everything = &table{name: "everything", rest: "PRIMARY KEY (id)", columns: []column{
	{"id", each("int"), ""}, {"flag", both("tinyint(1)", "boolean"), "bool"}, {"bitflag", both("bit(1)", "boolean"), "bitbool"},
	{"i8", both("tinyint", "smallint"), ""}, {"u8", both("tinyint unsigned", "smallint"), ""},
	{"i16", each("smallint"), ""}, {"u16", both("smallint unsigned", "integer"), ""}, {"i24", both("mediumint", "integer"), ""},
	{"i32", each("int"), ""}, {"u32", both("int unsigned", "bigint"), ""}, {"i64", each("bigint"), ""}, {"u64", both("bigint unsigned", "numeric(20,0)"), ""},
	{"u63", both("bigint unsigned", "bigint"), ""}, {"y", both("year", "smallint"), "number"},
	{"dec1", both("decimal(30,10)", "numeric(30,10)"), ""}, {"dec2", both("decimal(10,2)", "numeric"), "number"},
	{"f", both("float", "real"), "float"}, {"d", both("double", "double precision"), "double"},
	{"ch", [3]string{"char(10) CHARACTER SET utf8mb4", "char(10) CHARACTER SET utf8mb4", "char(10)"}, "padded"}, {"vc", text("varchar(40)"), ""},
	{"tx", both("mediumtext CHARACTER SET utf8mb4", "text"), ""}, {"la", both("varchar(20) CHARACTER SET latin1", "varchar(20)"), ""},
	{"uc", both("text CHARACTER SET utf16", "text"), ""},
	{"bi", both("binary(4)", "bytea"), "bytes"}, {"vb", both("varbinary(20)", "bytea"), "bytes"}, {"bl", both("longblob", "bytea"), "bytes"},
	{"dt", each("date"), "moment"}, {"tm", both("time(6)", "interval"), "moment"}, {"tod", each("time(3)"), "moment"},
	{"ts", both("datetime(6)", "timestamp"), "moment"}, {"ts0", both("datetime", "timestamp(0)"), "moment"}, {"tz", both("timestamp(6) NULL", "timestamptz"), "zoned"},
	{"bt", each("bit(12)"), "bits"}, {"en", both("enum('x','it''s','größe')", "mood"), ""}, {"ent", both("enum('small','large')", "varchar(10)"), ""},
	{"st", both("set('a','b','c')", "text"), ""}, {"js", [3]string{"json", "json", "jsonb"}, "json"}, {"jt", [3]string{"longtext CHARACTER SET utf8mb4", "json", "json"}, "json"},
	{"uu", [3]string{"uuid", "binary(16)", "uuid"}, "uuid"}, {"ut", both("char(36) CHARACTER SET ascii", "uuid"), ""},
}}

// keyed has a key of several columns, in another order than the columns, and a second unique key.
var keyed = &table{name: "keyed", rest: "PRIMARY KEY (b, a), UNIQUE (email)", columns: []column{
	{"a", text("varchar(20)"), ""}, {"b", each("bigint"), ""}, {"email", text("varchar(100)"), ""}, {"v", text("varchar(100)"), ""},
}}

// accounts is what everybody writes to at once.
var accounts = &table{name: "accounts", rest: "PRIMARY KEY (id)", columns: []column{
	{"id", each("bigint"), ""}, {"owner", text("varchar(50)"), ""}, {"amount", both("decimal(12,2)", "numeric(12,2)"), ""}, {"open", both("tinyint(1)", "boolean"), "bool"},
	{"at", both("timestamp(6) NULL", "timestamptz"), "zoned"}, {"doc", [3]string{"json", "json", "jsonb"}, "json"},
}}

// limited has columns that hold less in one engine than in another.
var limited = &table{name: "limited", rest: "PRIMARY KEY (id)", columns: []column{
	{"id", each("int"), ""}, {"big", both("bigint unsigned", "bigint"), ""}, {"day", each("date"), "moment"}, {"num", both("decimal(20,5)", "numeric"), "number"},
	{"word", both("varchar(10) CHARACTER SET utf8mb4", "text"), ""}, {"yes", both("tinyint(1)", "boolean"), "bool"}, {"at", both("timestamp(6) NULL", "timestamptz"), "zoned"},
	{"doc", [3]string{"longtext CHARACTER SET utf8mb4", "json", "jsonb"}, "json"}, {"sort", [3]string{"enum('a','b')", "enum('a','b')", "text"}, ""},
	{"real1", both("double", "double precision"), "double"}, {"span", both("time(6)", "interval"), "moment"}, {"raw", both("varbinary(4)", "bytea"), "bytes"},
	{"picks", both("set('a','b')", "text"), ""}, {"uu", both("varchar(36) CHARACTER SET ascii", "uuid"), ""}, {"la", both("varchar(9) CHARACTER SET latin1", "text"), ""},
	{"flags", both("bit(4)", "bit(5)"), "flags"}, {"year1", both("year", "integer"), ""}, {"ch", both("char(5) CHARACTER SET utf8mb4", "text"), ""},
}}

// shaped and ranged have columns that PostgreSQL alone lacks, or alone has.
var (
	shaped = &table{name: "shaped", rest: "PRIMARY KEY (id)", columns: []column{{"id", each("int"), ""}, {"place", each("point"), ""}}}
	ranged = &table{name: "ranged", rest: "PRIMARY KEY (id)", columns: []column{{"id", each("int"), ""}, {"span", both("varchar(20)", "int4range"), ""}}}
)

// unlike has a column that does not go together.
var unlike = &table{name: "unlike", rest: "PRIMARY KEY (id)", columns: []column{{"id", each("int"), ""}, {"tags", [3]string{"varchar(20)", "varchar(20)", "int[]"}, ""}}}

// narrow has columns that are too small, until they are altered.
var narrow = &table{name: "narrow", rest: "PRIMARY KEY (id)", columns: []column{
	{"id", each("int"), ""}, {"n", both("bigint unsigned", "bigint"), ""}, {"w", both("varchar(3) CHARACTER SET utf8mb4", "text"), ""},
}}

var tables = []*table{everything, keyed, accounts, limited, unlike, shaped, ranged, narrow, grown}

func schemaOf(is dialect) string {
	text := ""
	if is == postgreSQL {
		text = "CREATE TYPE mood AS ENUM ('größe', 'x', 'it''s');"
	}
	for _, t := range slices.Concat(tables, databases, compared, edged, families) {
		text += t.create(is) + ";"
	}
	if is == postgreSQL {
		for _, t := range families { // a child that is deleted in another one's way can be put back
			text += "ALTER TABLE " + t.name + " REPLICA IDENTITY FULL;"
		}
	}
	return text + createRuled(is)
}

func (t *table) create(is dialect) string {
	var parts []string
	for _, c := range t.columns {
		parts = append(parts, c.name+" "+c.types[is])
	}
	return fmt.Sprintf("CREATE TABLE %s (%s, %s)", t.name, strings.Join(parts, ", "), t.rest)
}

// dump reads the table with the engine's own functions, not with anything of ours, and writes values in one form.
func (t *table) dump(tb testing.TB, r *region) string {
	tb.Helper()
	var list []string
	for _, c := range t.columns {
		list = append(list, c.selected(r.is))
	}
	query := fmt.Sprintf("SELECT %s FROM app.%s", strings.Join(list, ", "), t.name)
	rows, err := r.rows(query)
	if err != nil {
		tb.Fatalf("%s in region %s: %v", query, r.name, err)
	}
	lines := make([]string, len(rows))
	for n, row := range rows {
		var b strings.Builder
		for i, c := range t.columns {
			fmt.Fprintf(&b, "%s=%s ", c.name, c.normal(row[i]))
		}
		lines[n] = b.String()
	}
	sort.Strings(lines)
	return strings.Join(lines, "\n") + "\n"
}

// selected is an expression that gives the column's value as text.
func (c *column) selected(is dialect) string {
	family := is != postgreSQL
	switch {
	case c.kind == "bytes" && family:
		return "LOWER(HEX(" + c.name + ")) AS " + c.name
	case c.kind == "bytes":
		return "encode(" + c.name + ", 'hex')"
	case c.kind == "flags" && family:
		return "BIN(" + c.name + ") AS " + c.name
	case (c.kind == "bits" || c.kind == "bitbool") && family:
		return "LPAD(BIN(" + c.name + "), " + map[string]string{"bits": "12", "bitbool": "1"}[c.kind] + ", '0') AS " + c.name
	case c.kind == "zoned" && family:
		return "UNIX_TIMESTAMP(" + c.name + ") AS " + c.name
	case c.kind == "zoned":
		return "CASE WHEN isfinite(" + c.name + ") THEN extract(epoch FROM " + c.name + ")::numeric(30,6)::text ELSE " + c.name + "::text END"
	case c.kind == "uuid" && is == mySQL:
		return "LOWER(HEX(" + c.name + ")) AS " + c.name
	case c.kind == "double" && family:
		return "CAST(" + c.name + " AS CHAR) AS " + c.name
	case c.kind == "float" && family:
		return "CAST(CAST(" + c.name + " AS DOUBLE) AS CHAR) AS " + c.name
	case c.kind == "float":
		return c.name + "::double precision::text"
	case family:
		return "CAST(" + c.name + " AS CHAR CHARACTER SET utf8mb4) AS " + c.name
	}
	return c.name + "::text"
}

// normal writes a value in one form.
func (c *column) normal(text *string) string {
	if text == nil {
		return "NULL"
	}
	s := *text
	switch c.kind {
	case "bool", "bitbool":
		return map[string]string{"true": "1", "false": "0", "t": "1", "f": "0"}[s] + strings.Trim(s, "truefals")
	case "number":
		if r, ok := new(big.Rat).SetString(s); ok {
			return r.RatString()
		}
	case "float", "double", "zoned":
		if f, err := strconv.ParseFloat(s, 64); err == nil {
			return strconv.FormatFloat(f, 'g', -1, 64)
		}
	case "moment":
		if strings.Contains(s, ".") {
			s = strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
		}
	case "padded":
		return strconv.Quote(strings.TrimRight(s, " "))
	case "uuid":
		return strings.ReplaceAll(s, "-", "")
	case "json":
		return normalJSON(s)
	}
	return strconv.Quote(s)
}

// normalJSON writes a document with sorted names and numbers by their value.
func normalJSON(s string) string {
	d := json.NewDecoder(strings.NewReader(s))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return "no JSON: " + s
	}
	var b bytes.Buffer
	writeJSON(&b, v)
	return b.String()
}

func writeJSON(b *bytes.Buffer, v any) {
	switch v := v.(type) {
	case json.Number:
		r, _ := new(big.Rat).SetString(v.String())
		b.WriteString(r.RatString())
	case []any:
		b.WriteByte('[')
		for _, item := range v {
			writeJSON(b, item)
			b.WriteByte(',')
		}
		b.WriteByte(']')
	case map[string]any:
		var names []string
		for name := range v {
			names = append(names, name)
		}
		sort.Strings(names)
		b.WriteByte('{')
		for _, name := range names {
			fmt.Fprintf(b, "%q:", name)
			writeJSON(b, v[name])
			b.WriteByte(',')
		}
		b.WriteByte('}')
	default:
		fmt.Fprintf(b, "%#v", v)
	}
}
