package compare

import (
	"fmt"
	"slices"
	"strings"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/relay"
)

// table is a table as the database has it now. It is never changed once read.
type table struct {
	schema, name string
	kind         string // TABLE_TYPE
	columns      []column
	key          []int // columns of the primary key, in its order
	hash         hash
}

func (t *table) String() string { return t.schema + "." + t.name }

// finish puts the key together, once all columns are there.
func (t *table) finish() {
	for i := range t.columns {
		if t.columns[i].key > 0 {
			t.key = append(t.key, i)
		}
	}
	slices.SortFunc(t.key, func(a, b int) int { return t.columns[a].key - t.columns[b].key })
}

// compared describes the table to who compares it.
func (t *table) compared() relay.ComparedTable {
	c := relay.ComparedTable{Name: t.String(), Definition: t.definition()}
	switch {
	case t.kind == "SYSTEM VERSIONED":
		c.Problem = "it is system-versioned"
	case len(t.key) == 0:
		c.Problem = "it has no primary key"
	}
	return c
}

// definition is what must be the same everywhere: a line for each column and one for the key.
func (t *table) definition() string {
	var b strings.Builder
	for i := range t.columns {
		c := &t.columns[i]
		fmt.Fprintf(&b, "%s %s", c.name, c.typ)
		for _, word := range []string{c.charset, c.collation} {
			if word != "" {
				b.WriteString(" " + word)
			}
		}
		if !c.nullable {
			b.WriteString(" NOT NULL")
		}
		b.WriteByte('\n')
	}
	var key []string
	for _, i := range t.key {
		key = append(key, t.columns[i].name)
	}
	return b.String() + "PRIMARY KEY (" + strings.Join(key, ", ") + ")"
}

// quotedName is the table in a statement.
func (t *table) quotedName() string {
	return string(binlog.AppendTable(nil, &relay.Table{Schema: t.schema, Name: t.name}))
}

// from is the FROM clause of what reads in the key's order.
func (t *table) from() string { return " FROM " + t.quotedName() + " FORCE INDEX (PRIMARY)" }

// digest is the expression of a row's digest, in hexadecimal digits.
func (t *table) digest() string {
	terms := make([]string, len(t.columns))
	for i := range t.columns {
		terms[i] = t.columns[i].term(t.hash)
	}
	return t.hash("CONCAT(" + strings.Join(terms, ",',',") + ")")
}

// keyValues is the list of the key's values.
func (t *table) keyValues() string {
	values := make([]string, len(t.key))
	for i, c := range t.key {
		values[i] = t.columns[c].value()
	}
	return strings.Join(values, ",")
}

// order is the ORDER BY clause.
func (t *table) order() string {
	names := make([]string, len(t.key))
	for i, c := range t.key {
		names[i] = t.columns[c].quotedName()
	}
	return " ORDER BY " + strings.Join(names, ",")
}

// operands are the values of a key as expressions.
func (t *table) operands(key relay.RowKey) ([]string, error) {
	if key == "" {
		return nil, nil
	}
	values, err := key.Values(len(t.key))
	if err != nil {
		return nil, err
	}
	list := make([]string, len(values))
	for i, v := range values {
		if list[i], err = t.columns[t.key[i]].operand(v); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// at is the condition of a row with exactly this key, by the database's rules.
func (t *table) at(key relay.RowKey) (string, error) {
	operands, err := t.operands(key)
	if err == nil && operands == nil {
		_, err = key.Values(len(t.key))
	}
	return t.equals(operands), err
}

func (t *table) equals(operands []string) string {
	parts := make([]string, len(operands))
	for i := range operands {
		parts[i] = t.compare(i, "=", operands)
	}
	return strings.Join(parts, " AND ")
}

// compare compares one column of the key.
func (t *table) compare(part int, operator string, operands []string) string {
	return t.columns[t.key[part]].quotedName() + operator + operands[part]
}

// span is the WHERE clause of a span.
func (t *table) span(s relay.Span) (string, error) {
	after, err := t.operands(s.After)
	if err != nil {
		return "", err
	}
	upTo, err := t.operands(s.UpTo)
	return t.between(after, upTo), err
}

// between is the WHERE clause of the rows between two keys; nil: no bound.
func (t *table) between(after, upTo []string) string {
	var parts []string
	for _, side := range []struct {
		operands  []string
		beyond    string // what lies on this side of the key
		or, first string // what lies at it, and what is said of the first column so that the server sees a range
	}{{after, ">", "", ">="}, {upTo, "<", "=", "<="}} {
		if side.operands != nil {
			parts = append(parts, t.side(side.operands, side.beyond, side.or, side.first))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(parts, " AND ")
}

// side says in which half of the table a row lies: (a > x) OR (a = x AND b > y). Servers do not use an index for (a,b) > (x,y).
func (t *table) side(operands []string, beyond, or, first string) string {
	var alternatives []string
	equal := ""
	for i := range operands {
		operator := beyond
		if i == len(operands)-1 {
			operator += or
		}
		alternatives = append(alternatives, equal+t.compare(i, operator, operands))
		equal += t.compare(i, "=", operands) + " AND "
	}
	if len(alternatives) == 1 {
		return alternatives[0]
	}
	return t.compare(0, first, operands) + " AND (" + strings.Join(alternatives, " OR ") + ")"
}
