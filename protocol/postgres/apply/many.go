package apply

import (
	"context"
	"iter"

	"github.com/octant-db/octant/protocol/postgres/logical"
	"github.com/octant-db/octant/relay"
)

// sizes are how many rows one statement writes: each size is one more statement to prepare. Written together, a row costs a fraction of what it
// does by itself.
var sizes = [...]int{64, 32, 16, 8, 4, 2, 1}

// maxParams is how many parameters a statement can have: see Bind in "Message Formats".
const maxParams = 65535

// fitting is how many rows one statement can have that take so many parameters each.
func fitting(params int) int { return max(1, maxParams/params) }

// chunks cuts rows into pieces of these sizes, the large ones first, of at most so many rows.
func chunks[T any](rows []T, most int) iter.Seq[[]T] {
	return func(yield func([]T) bool) {
		for _, size := range sizes {
			for len(rows) >= size && size <= most {
				if !yield(rows[:size]) {
					return
				}
				rows = rows[size:]
			}
		}
	}
}

// deleteRows deletes rows that should be there.
func (x *tx) deleteRows(ctx context.Context, k *knownTable, rows []*relay.Write) error {
	keys := make([][][]byte, len(rows))
	for i, w := range rows {
		var err error
		if keys[i], err = k.keyParams(w); err != nil {
			return err
		}
	}
	most := fitting(len(k.schema.Description.Key))
	if !k.plain {
		most = 1
	}
	for chunk := range chunks(keys, most) {
		sql := k.deleteSQL()
		if len(chunk) > 1 {
			sql = k.deleteManySQL(len(chunk))
		}
		if err := x.add(ctx, command{op: "delete row", table: k.name, sql: sql, params: joined(chunk), kind: isRow, rows: int64(len(chunk))}); err != nil {
			return err
		}
	}
	return nil
}

// updateRows updates rows that should be there. Rows that can be in each other's way are updated in the order that they come in.
func (x *tx) updateRows(ctx context.Context, k *knownTable, rows []*relay.Write) error {
	if !k.plain || k.replaces() {
		return x.one(x.updateRow)(ctx, k, rows)
	}
	var whole [][][]byte
	for _, w := range rows {
		cells, err := k.cells(w.After)
		if err != nil {
			return err
		}
		key, err := k.keyParams(w)
		if err != nil {
			return err
		}
		values := append(k.settable(cells), key...)
		if len(values) == len(key) || logical.HasAbsent(cells) {
			if err := x.updateRow(ctx, k, w); err != nil {
				return err
			}
			continue
		}
		whole = append(whole, values)
	}
	if len(whole) == 0 {
		return nil
	}
	for chunk := range chunks(whole, fitting(len(whole[0]))) {
		if err := x.add(ctx, command{
			op: "update row", table: k.name, sql: k.updateManySQL(len(chunk)), params: joined(chunk), kind: isRow, rows: int64(len(chunk)),
		}); err != nil {
			return err
		}
	}
	return nil
}

// insertRows inserts rows that should not be there, many at a time if they have all their columns.
func (x *tx) insertRows(ctx context.Context, k *knownTable, rows []*relay.Write) error {
	var whole [][]logical.Cell
	for _, w := range rows {
		cells, err := k.cells(w.After)
		if err != nil {
			return err
		}
		if !logical.HasAbsent(cells) {
			whole = append(whole, cells)
			continue
		}
		if err := x.insertCells(ctx, k, [][]logical.Cell{cells}); err != nil {
			return err
		}
	}
	for chunk := range chunks(whole, fitting(len(k.schema.Table.Columns))) {
		if err := x.insertCells(ctx, k, chunk); err != nil {
			return err
		}
	}
	return nil
}

// insertCells inserts rows by one statement.
func (x *tx) insertCells(ctx context.Context, k *knownTable, rows [][]logical.Cell) error {
	var values [][]byte
	for _, cells := range rows {
		values = append(values, params(cells)...)
	}
	return x.add(ctx, command{
		op: "insert row", table: k.name, sql: k.insertSQL(rows[0], "nothing", len(rows)), params: values, kind: isRow, rows: int64(len(rows)),
	})
}

// joined puts the parameters of rows one behind the other.
func joined(rows [][][]byte) [][]byte {
	list := make([][]byte, 0, len(rows)*len(rows[0]))
	for _, row := range rows {
		list = append(list, row...)
	}
	return list
}
