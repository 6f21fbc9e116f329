package apply

import (
	"context"
	"fmt"
	"strings"

	"github.com/go-mysql-org/go-mysql/mysql"
)

// localTable is a table as the database has it now. It is never changed once read.
type localTable struct {
	kind    string // of information_schema.tables: "BASE TABLE"; "" if there is no such table
	engine  string
	columns []localColumn
	primary []localPart
	unique  []localIndex // the secondary unique indexes
	// computed is a unique index on an expression, "" if there is none: its values are not in the images of rows
	computed string
}

type localColumn struct {
	name      string
	typ       string // in the words that a table map uses
	collation string
	labels    []string // of ENUM and SET, in UTF-8
	generated bool
	optional  bool // rows that come without it get NULL or a constant, the same in every region
	nullable  bool
	invisible bool
}

type localIndex struct {
	name  string
	parts []localPart
}

type localPart struct {
	column int
	prefix int // characters, or bytes of binary columns; 0: all
}

// readTable asks the database for a table's definition.
func readTable(ctx context.Context, s *session, schema, name string) (*localTable, error) {
	where := fmt.Sprintf("WHERE table_schema=%s AND table_name=%s", quote(schema), quote(name))
	rs, err := s.query(ctx, "read definition of "+schema+"."+name, strings.Join([]string{
		"SELECT table_type, IFNULL(engine,'') FROM information_schema.tables " + where,
		"SELECT column_name, column_type, IFNULL(collation_name,''), " + s.dialect.catalog().generated + ", " +
			s.dialect.catalog().optional + ", is_nullable='YES', extra LIKE '%INVISIBLE%' FROM information_schema.columns " + where +
			" ORDER BY ordinal_position",
		"SELECT index_name, column_name, IFNULL(sub_part,0), " + s.dialect.catalog().expression + " FROM information_schema.statistics " + where +
			" AND non_unique=0 ORDER BY index_name, seq_in_index",
	}, ";"))
	if err != nil {
		return nil, err
	}
	l := &localTable{}
	if len(rs[0].Values) > 0 {
		l.kind, l.engine = text(rs[0], 0, 0), text(rs[0], 0, 1)
	}
	l.addColumns(rs[1], s.dialect.catalog().native)
	if len(l.columns) == 0 {
		return &localTable{}, nil // who may CREATE and not SELECT sees that a table is there, and nothing of it
	}
	return l, l.addIndexes(rs[2])
}

// text copies a cell of a result.
func text(r *mysql.Result, row, column int) string { return string(r.Values[row][column].AsString()) }

func (l *localTable) addColumns(r *mysql.Result, native func(string) (string, []string)) {
	for i := range r.Values {
		typ, labels := native(text(r, i, 1))
		l.columns = append(l.columns, localColumn{
			name: text(r, i, 0), typ: typ, labels: labels, collation: text(r, i, 2), generated: r.Values[i][3].AsUint64() == 1,
			optional: r.Values[i][4].AsUint64() == 1, nullable: r.Values[i][5].AsUint64() == 1, invisible: r.Values[i][6].AsUint64() == 1,
		})
	}
}

func (l *localTable) addIndexes(r *mysql.Result) error {
	for i := range r.Values {
		index, name := text(r, i, 0), text(r, i, 1)
		if r.Values[i][3].AsUint64() == 1 {
			l.computed = index
			continue
		}
		part := localPart{column: l.column(name), prefix: int(r.Values[i][2].AsUint64())}
		if part.column < 0 {
			return fmt.Errorf("read definition: index %s has column %s, which the table has not", index, name)
		}
		if index == "PRIMARY" {
			l.primary = append(l.primary, part)
			continue
		}
		if n := len(l.unique); n == 0 || l.unique[n-1].name != index {
			l.unique = append(l.unique, localIndex{name: index})
		}
		last := &l.unique[len(l.unique)-1]
		last.parts = append(last.parts, part)
	}
	return nil
}

// column returns the place of a column, -1 if there is none. Names of columns do not differ in case alone.
func (l *localTable) column(name string) int {
	for i := range l.columns {
		if strings.EqualFold(l.columns[i].name, name) {
			return i
		}
	}
	return -1
}

// quote makes a string literal; sql_mode has NO_BACKSLASH_ESCAPES.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// nativeType turns a type as information_schema has it into the words that a table map can say: display widths, ZEROFILL and
// the types that are stored as another one are not in there. Labels of ENUM and SET come on their own.
func nativeType(t string) (string, []string) {
	name, rest, _ := strings.Cut(t, "(")
	switch name {
	case "enum", "set":
		return name, parseLabels(rest)
	}
	t = strings.TrimSuffix(t, " zerofill")
	if before, ok := strings.CutSuffix(t, " /*M!100301 COMPRESSED*/"); ok {
		t = before + " compressed"
	}
	switch name, sign, _ := strings.Cut(t, ")"); {
	case hasDisplayWidth(t):
		return t[:strings.IndexByte(name, '(')] + sign, nil
	}
	switch t {
	case "uuid", "inet6":
		return "binary(16)", nil
	case "inet4":
		return "binary(4)", nil
	}
	return t, nil
}

// hasDisplayWidth tells whether the number in parentheses does not change what is stored.
func hasDisplayWidth(t string) bool {
	name, _, ok := strings.Cut(t, "(")
	switch name {
	case "tinyint", "smallint", "mediumint", "int", "bigint", "year", "float", "double":
		return ok
	}
	return false
}

// parseLabels reads the rest of "enum('a','it”s')" after its first parenthesis.
func parseLabels(s string) []string {
	var labels []string
	var label strings.Builder
	inside := false
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] != '\'':
			if inside {
				label.WriteByte(s[i])
			}
		case inside && i+1 < len(s) && s[i+1] == '\'':
			label.WriteByte('\'')
			i++
		case inside:
			labels = append(labels, label.String())
			label.Reset()
			inside = false
		default:
			inside = true
		}
	}
	return labels
}
