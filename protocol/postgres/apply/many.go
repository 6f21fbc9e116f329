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

// chunks cuts the parameters of rows, so many each, into pieces of these sizes, the large ones first, of at most so many rows. It yields how many
// rows a piece has.
func chunks(params [][]byte, width, most int) iter.Seq2[int, [][]byte] {
	return func(yield func(int, [][]byte) bool) {
		for _, size := range sizes {
			for len(params) >= size*width && size <= most {
				if !yield(size, params[:size*width:size*width]) {
					return
				}
				params = params[size*width:]
			}
		}
	}
}

// deleteRows deletes rows that should be there.
func (x *tx) deleteRows(ctx context.Context, k *knownTable, rows []*relay.Write) error {
	width := len(k.schema.Description.Key)
	keys := make([][]byte, 0, len(rows)*width)
	for _, w := range rows {
		var err error
		if keys, err = x.appendKey(keys, k, w); err != nil {
			return err
		}
	}
	most := fitting(width)
	if !k.plain {
		most = 1
	}
	for n, chunk := range chunks(keys, width, most) {
		sql := k.deleteSQL()
		if n > 1 {
			sql = k.deleteManySQL(n)
		}
		if err := x.add(ctx, command{op: "delete row", table: k.name, sql: sql, params: chunk, kind: isRow, rows: int64(n)}); err != nil {
			return err
		}
	}
	return nil
}

// updateRows updates rows that should be there. Rows that can be in each other's way are updated in the order that they come in.
func (x *tx) updateRows(ctx context.Context, k *knownTable, rows []*relay.Write) error {
	settable := k.settable()
	if !k.plain || k.replaces() || settable == 0 {
		return x.one(x.updateRow)(ctx, k, rows)
	}
	width := settable + len(k.schema.Description.Key)
	whole := make([][]byte, 0, len(rows)*width)
	for _, w := range rows {
		cells, err := x.read(k, w.After)
		if err != nil {
			return err
		}
		if logical.HasAbsent(cells) {
			if err := x.updateRow(ctx, k, w); err != nil {
				return err
			}
			continue
		}
		if whole, err = x.appendKey(k.appendSettable(whole, cells), k, w); err != nil {
			return err
		}
	}
	for n, chunk := range chunks(whole, width, fitting(width)) {
		if err := x.add(ctx, command{op: "update row", table: k.name, sql: k.updateManySQL(n), params: chunk, kind: isRow, rows: int64(n)}); err != nil {
			return err
		}
	}
	return nil
}

// insertRows inserts rows that should not be there, many at a time if they have all their columns.
func (x *tx) insertRows(ctx context.Context, k *knownTable, rows []*relay.Write) error {
	every := make([]logical.Cell, len(k.schema.Table.Columns)) // none is absent
	width := len(every)
	whole := make([][]byte, 0, len(rows)*width)
	for _, w := range rows {
		cells, err := x.read(k, w.After)
		if err != nil {
			return err
		}
		if !logical.HasAbsent(cells) {
			whole = appendParams(whole, cells)
			continue
		}
		if err := x.insert(ctx, k, k.insertSQL(cells, "nothing", 1), appendParams(nil, cells), 1); err != nil {
			return err
		}
	}
	for n, chunk := range chunks(whole, width, fitting(width)) {
		if err := x.insert(ctx, k, k.insertSQL(every, "nothing", n), chunk, n); err != nil {
			return err
		}
	}
	return nil
}

// insert inserts rows by one statement.
func (x *tx) insert(ctx context.Context, k *knownTable, sql string, values [][]byte, rows int) error {
	return x.add(ctx, command{op: "insert row", table: k.name, sql: sql, params: values, kind: isRow, rows: int64(rows)})
}
