package apply

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/octant-db/octant/protocol/postgres/connect"
	"github.com/octant-db/octant/protocol/postgres/logical"
	"github.com/octant-db/octant/relay"
)

// cells reads an image.
func (k *knownTable) cells(image relay.Image) ([]logical.Cell, error) {
	return logical.Cells(make([]logical.Cell, 0, len(k.schema.Table.Columns)), image, len(k.schema.Table.Columns))
}

// appendKey appends the parameters that a row is found with.
func (k *knownTable) appendKey(list [][]byte, cells []logical.Cell) [][]byte {
	for _, i := range k.schema.Description.Key {
		list = append(list, param(&cells[i]))
	}
	return list
}

// replaces tells whether rows of the table can stand in each other's way: then those of unknown presence are all deleted before they are
// written.
func (k *knownTable) replaces() bool { return k.unique || k.fixed }

// cached returns the text of a statement, made once. Texts of rows that lack columns are made each time: they are rare.
func (k *knownTable) cached(kind string, cells []logical.Cell, build func() string) string {
	if logical.HasAbsent(cells) {
		return build()
	}
	if sql, ok := k.texts.Load(kind); ok {
		return sql.(string)
	}
	sql := build()
	k.texts.Store(kind, sql)
	return sql
}

// where is the condition on the key, its parameters numbered from first on.
func (k *knownTable) where(b *strings.Builder, first int) {
	for n, i := range k.schema.Description.Key {
		if n > 0 {
			b.WriteString(" AND ")
		}
		fmt.Fprintf(b, "%s = $%d", k.column(i), first+n)
	}
}

func (k *knownTable) column(i int) string { return connect.Identifier(k.schema.Table.Columns[i].Name) }

func (k *knownTable) deleteSQL() string {
	return k.cached("delete", nil, func() string {
		var b strings.Builder
		b.WriteString("DELETE FROM " + k.quoted + " WHERE ")
		k.where(&b, 1)
		return b.String()
	})
}

// settable is how many columns can be set. A column GENERATED ALWAYS AS IDENTITY cannot, and is part of the key where rows are updated.
func (k *knownTable) settable() (n int) {
	for _, always := range k.always {
		if !always {
			n++
		}
	}
	return n
}

// appendSettable appends the parameters of every column that is there and can be set.
func (k *knownTable) appendSettable(list [][]byte, cells []logical.Cell) [][]byte {
	for i := range cells {
		if cells[i].Kind != logical.IsAbsent && !k.always[i] {
			list = append(list, param(&cells[i]))
		}
	}
	return list
}

// deleteManySQL deletes rows whose keys are the parameters.
func (k *knownTable) deleteManySQL(rows int) string {
	return k.cached("delete "+strconv.Itoa(rows), nil, func() string {
		key := k.schema.Description.Key
		return "DELETE FROM " + k.quoted + " t USING " + k.values(key, rows) + " WHERE " + k.match(0)
	})
}

// updateManySQL sets all columns that can be set. The parameters of a row are their values, and then its key.
func (k *knownTable) updateManySQL(rows int) string {
	return k.cached("update "+strconv.Itoa(rows), nil, func() string {
		var columns []int
		var sets []string
		for i := range k.schema.Table.Columns {
			if !k.always[i] {
				sets = append(sets, fmt.Sprintf("%s = v.p%d", k.column(i), len(columns)))
				columns = append(columns, i)
			}
		}
		sets = append(sets, k.reset()...)
		n := len(columns)
		columns = append(columns, k.schema.Description.Key...)
		return "UPDATE " + k.quoted + " t SET " + strings.Join(sets, ", ") + " FROM " + k.values(columns, rows) + " WHERE " + k.match(n)
	})
}

// values is a list of rows of parameters for columns, named v with the columns p0, p1 and so on. The first row's casts give the others their types.
func (k *knownTable) values(columns []int, rows int) string {
	casts := make([]string, len(columns))
	for i, c := range columns {
		casts[i] = "::" + k.types[c]
	}
	var b strings.Builder
	b.WriteString("(VALUES " + placeholders(rows, casts))
	b.WriteString(") v(")
	for i := range columns {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "p%d", i)
	}
	b.WriteString(")")
	return b.String()
}

// match is the condition that a row of t has the key of a row of v, whose columns begin at first.
func (k *knownTable) match(first int) string {
	var parts []string
	for n, i := range k.schema.Description.Key {
		parts = append(parts, fmt.Sprintf("t.%s = v.p%d", k.column(i), first+n))
	}
	return strings.Join(parts, " AND ")
}

// updateSQL sets every column that is there. The parameters of these come first, and then those of the key.
func (k *knownTable) updateSQL(cells []logical.Cell) string {
	return k.cached("update", cells, func() string {
		var b strings.Builder
		var sets []string
		for i := range cells {
			if cells[i].Kind != logical.IsAbsent && !k.always[i] {
				sets = append(sets, fmt.Sprintf("%s = $%d", k.column(i), len(sets)+1))
			}
		}
		n := len(sets)
		sets = append(sets, k.reset()...)
		if len(sets) == 0 { // nothing can be set: see that the row is there
			b.WriteString("SELECT FROM " + k.quoted + " WHERE ")
			k.where(&b, 1)
			b.WriteString(" FOR UPDATE")
			return b.String()
		}
		b.WriteString("UPDATE " + k.quoted + " SET " + strings.Join(sets, ", ") + " WHERE ")
		k.where(&b, n+1)
		return b.String()
	})
}

// insertSQL inserts every column that is there, of one row or several. onConflict says what happens if a row has the key: "nothing", "update", or "" for an error.
func (k *knownTable) insertSQL(cells []logical.Cell, onConflict string, rows int) string {
	return k.cached("insert "+onConflict+strconv.Itoa(rows), cells, func() string {
		var names, sets []string
		for i := range cells {
			if cells[i].Kind == logical.IsAbsent {
				continue
			}
			names = append(names, k.column(i))
			if !k.always[i] {
				sets = append(sets, k.column(i)+" = excluded."+k.column(i))
			}
		}
		sets = append(sets, k.reset()...)
		sql := "INSERT INTO " + k.quoted + " (" + strings.Join(names, ", ") + ")"
		if slices.Contains(k.always, true) {
			sql += " OVERRIDING SYSTEM VALUE"
		}
		sql += " VALUES " + placeholders(rows, make([]string, len(names)))
		switch {
		case onConflict == "":
			return sql
		case onConflict == "nothing" || len(sets) == 0:
			return sql + " ON CONFLICT (" + k.keyNames() + ") DO NOTHING"
		}
		return sql + " ON CONFLICT (" + k.keyNames() + ") DO UPDATE SET " + strings.Join(sets, ", ")
	})
}

// reset gives the columns that rows come without what the database gives to new rows: who wrote the row last knew nothing of them.
func (k *knownTable) reset() []string {
	sets := make([]string, len(k.extra))
	for i, name := range k.extra {
		sets[i] = name + " = DEFAULT"
	}
	return sets
}

func (k *knownTable) keyNames() string {
	var names []string
	for _, i := range k.schema.Description.Key {
		names = append(names, k.column(i))
	}
	return strings.Join(names, ", ")
}

// placeholders returns "($1::int, $2), ($3, $4)": what follows each parameter of the first row is given.
func placeholders(rows int, first []string) string {
	var b strings.Builder
	for n := range rows * len(first) {
		switch at := n % len(first); {
		case n > 0 && at == 0:
			b.WriteString("), (")
		case n > 0:
			b.WriteString(", ")
		default:
			b.WriteString("(")
		}
		fmt.Fprintf(&b, "$%d", n+1)
		if n < len(first) {
			b.WriteString(first[n])
		}
	}
	b.WriteString(")")
	return b.String()
}
