package compare

import (
	"fmt"
	"strings"

	"github.com/octant-db/octant/protocol/postgres/catalog"
	"github.com/octant-db/octant/protocol/postgres/connect"
	"github.com/octant-db/octant/relay"
)

// compared describes a table to who compares it.
func compared(t *catalog.Table) relay.ComparedTable {
	var b strings.Builder
	for _, c := range t.Columns {
		fmt.Fprintf(&b, "%s %s", c.Name, c.Type)
		if c.Collation != "" {
			b.WriteString(" " + c.Collation)
		}
		b.WriteByte('\n')
	}
	b.WriteString("PRIMARY KEY (" + strings.Join(keyNames(t), ", ") + ")")
	c := relay.ComparedTable{Name: t.Schema + "." + t.Name, Definition: b.String()}
	switch {
	case len(t.Key) == 0:
		c.Problem = "it has no primary key"
	case t.Unlogged:
		c.Problem = "it is not logged"
	}
	return c
}

func keyNames(t *catalog.Table) []string {
	names := make([]string, len(t.Key))
	for i, k := range t.Key {
		names[i] = t.Columns[k].Name
	}
	return names
}

// keyColumns is the list of the key's columns.
func keyColumns(t *catalog.Table) string {
	names := keyNames(t)
	for i := range names {
		names[i] = connect.Identifier(names[i])
	}
	return strings.Join(names, ", ")
}

// allColumns is the list of all columns.
func allColumns(t *catalog.Table) string {
	names := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		names[i] = connect.Identifier(c.Name)
	}
	return strings.Join(names, ", ")
}

// digest is the expression of a row's digest, in hexadecimal digits.
func digest(t *catalog.Table) string { return "md5(ROW(" + allColumns(t) + ")::text)" }

func from(t *catalog.Table) string { return " FROM " + connect.Table(t.Schema, t.Name) }

// literal is a value of a column as an expression, nil for NULL.
func literal(t *catalog.Table, column int, value []byte) string {
	if value == nil {
		return "NULL"
	}
	return connect.Literal(string(value)) + "::" + t.Columns[column].Type
}

// row is a key as a row of values.
func row(t *catalog.Table, key relay.RowKey) (string, error) {
	values, err := key.Values(len(t.Key))
	if err != nil {
		return "", err
	}
	parts := make([]string, len(values))
	for i, v := range values {
		parts[i] = literal(t, t.Key[i], v)
	}
	return "(" + strings.Join(parts, ", ") + ")", nil
}

// at is the condition of a row with exactly this key, by the database's rules.
func at(t *catalog.Table, key relay.RowKey) (string, error) {
	values, err := row(t, key)
	return "(" + keyColumns(t) + ") = " + values, err
}

// where is the WHERE clause of a span.
func where(t *catalog.Table, s relay.Span) (string, error) {
	var parts []string
	for _, side := range []struct {
		key      relay.RowKey
		operator string
	}{{s.After, ">"}, {s.UpTo, "<="}} {
		if side.key == "" {
			continue
		}
		values, err := row(t, side.key)
		if err != nil {
			return "", err
		}
		parts = append(parts, "("+keyColumns(t)+") "+side.operator+" "+values)
	}
	if len(parts) == 0 {
		return "", nil
	}
	return " WHERE " + strings.Join(parts, " AND "), nil
}
