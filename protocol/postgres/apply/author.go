package apply

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/octant-db/octant/protocol/postgres/connect"
	"github.com/octant-db/octant/protocol/postgres/logical"
	"github.com/octant-db/octant/protocol/rowjson"
	"github.com/octant-db/octant/relay"
)

var _ relay.Author = (*Target)(nil)

var errUnchanged = errors.New("write a row: it stands so already, and the log would not tell the other regions: nothing was done")

// Author writes one row as an application would: triggers fire, constraints are checked, and the log has it as a change of this region; see relay.Author.
// Values are as in the JSON that the relay shows: numbers, documents of JSON columns, null, and everything else as PostgreSQL's text of it.
func (t *Target) Author(ctx context.Context, table *relay.Table, key relay.Image, row string) error {
	w, err := t.author(ctx, table, key)
	if err != nil {
		return err
	}
	defer w.conn.End()
	if row != "" {
		return w.write(ctx, row)
	}
	there, err := w.run(ctx, "delete a row", w.table.deleteSQL(), w.where)
	if err == nil && !there {
		err = errUnchanged
	}
	return err
}

// Stands tells whether a row is as the JSON says, by PostgreSQL's text of its values; see relay.Author.
func (t *Target) Stands(ctx context.Context, table *relay.Table, key relay.Image, row string) (bool, error) {
	w, err := t.author(ctx, table, key)
	if err != nil {
		return false, err
	}
	defer w.conn.End()
	var sql strings.Builder
	sql.WriteString("SELECT FROM " + w.table.quoted + " WHERE ")
	w.table.where(&sql, 1)
	values := slices.Clone(w.where)
	if row != "" {
		cells, err := w.assignments(row)
		if err != nil {
			return false, fmt.Errorf("compare a row of %s: %w", w.table.name, err)
		}
		for i := range cells {
			if cells[i].Kind == logical.IsAbsent {
				continue
			}
			column := w.table.column(i)
			if cells[i].Kind == logical.IsNull {
				sql.WriteString(" AND " + column + " IS NULL")
				continue
			}
			values = append(values, param(&cells[i]))
			fmt.Fprintf(&sql, " AND %s IS NOT NULL AND format('%%s', %s) = $%d", column, column, len(values)) // a cast to text says true for t
		}
	}
	there, err := w.run(ctx, "look for a row", sql.String(), values)
	return there == (row != ""), err
}

// author opens a session in which rows are written as an application does.
func (t *Target) author(ctx context.Context, table *relay.Table, key relay.Image) (*author, error) {
	k, err := t.table(ctx, table)
	if err != nil {
		return nil, err
	}
	if k.problem != nil {
		return nil, k.problem
	}
	w := &author{table: k}
	if w.key, err = k.cells(key); err != nil {
		return nil, err
	}
	w.where = k.appendKey(nil, w.key)
	w.conn, err = t.config.open(ctx, "octant author")
	return w, err
}

// author writes one row.
type author struct {
	table *knownTable
	conn  *connect.Conn
	key   []logical.Cell // by column; those outside of the key are not looked at
	where [][]byte
}

// write updates the row, or inserts it if it is not there.
func (w *author) write(ctx context.Context, row string) error {
	cells, err := w.assignments(row)
	if err != nil {
		return fmt.Errorf("write a row of %s: %w", w.table.name, err)
	}
	values := append(w.table.appendSettable(nil, cells), w.where...)
	if there, err := w.run(ctx, "update a row", w.table.updateSQL(cells), values); err != nil || there {
		return err
	}
	for _, i := range w.table.schema.Description.Key {
		cells[i] = w.key[i]
	}
	_, err = w.run(ctx, "insert a row", w.table.insertSQL(cells, "", 1), appendParams(nil, cells))
	return err
}

// run runs a statement, and tells whether there was a row for it.
func (w *author) run(ctx context.Context, op, sql string, params [][]byte) (bool, error) {
	result := w.conn.ExecParams(ctx, sql, params, nil, nil, nil).Read()
	if result.Err != nil {
		return false, connect.NewError(ctx, op+" of "+w.table.name, w.table.name, result.Err)
	}
	return result.CommandTag.RowsAffected() > 0, nil
}

// assignments reads the columns outside of the key; all others are absent.
func (w *author) assignments(row string) ([]logical.Cell, error) {
	table := w.table.schema.Table
	given, err := rowjson.Read(table, row, func(i int) []byte { return logical.AppendJSON(nil, table.Columns[i].Kind, w.key[i]) })
	if err != nil {
		return nil, err
	}
	cells := make([]logical.Cell, len(table.Columns))
	for i := range cells {
		cells[i].Kind = logical.IsAbsent
	}
	for _, g := range given {
		if cells[g.Column], err = cellOf(table.Columns[g.Column], g.Value); err != nil {
			return nil, err
		}
	}
	return cells, nil
}

// cellOf reads a column's value.
func cellOf(c relay.Column, value json.RawMessage) (logical.Cell, error) {
	if string(value) == "null" && c.Kind != relay.JSON {
		return logical.Cell{Kind: logical.IsNull}, nil
	}
	if value[0] != '"' || c.Kind == relay.JSON {
		return logical.Cell{Kind: logical.IsText, Text: value}, nil
	}
	var text string
	if err := json.Unmarshal(value, &text); err != nil {
		return logical.Cell{}, fmt.Errorf("column %s: that is no JSON string", c.Name)
	}
	return logical.Cell{Kind: logical.IsText, Text: []byte(text)}, nil
}
