package apply

import (
	"context"
	"fmt"
	"slices"

	"github.com/octant-db/octant/protocol/postgres/logical"
	"github.com/octant-db/octant/relay"
)

// rowGroup are the rows of one table, by what is to be done with them.
type rowGroup struct {
	table                     *knownTable
	deletes, updates, inserts []*relay.Write
	remove, put               []*relay.Write // whatever stands there
}

// group sorts writes by table, in the order in which tables come first. Within a table deletes come first, so that the unique values they
// free can be taken, then updates, then inserts.
func (x *tx) group(ctx context.Context, writes []relay.Write) ([]*rowGroup, error) {
	var groups []*rowGroup
	byTable := make(map[*relay.Table]*rowGroup)
	for i := range writes {
		w := &writes[i]
		g := byTable[w.Table]
		if g == nil {
			k, err := x.lane.target.table(ctx, w.Table)
			if err != nil {
				return nil, err
			}
			if k.problem != nil {
				return nil, k.problem
			}
			g = &rowGroup{table: k}
			byTable[w.Table], groups = g, append(groups, g)
		}
		if err := g.add(w); err != nil {
			return nil, err
		}
	}
	return groups, nil
}

func (g *rowGroup) add(w *relay.Write) error {
	switch {
	case w.Before == nil && w.After == nil:
		return fmt.Errorf("write rows of %s: a write has no image", w.Table)
	case w.Expect == relay.Unknown && w.After == nil:
		g.remove = append(g.remove, w)
	case w.Expect == relay.Unknown:
		g.put = append(g.put, w)
	case w.Expect == relay.Absent && w.After == nil: // it is as it shall be
	case w.Expect == relay.Absent:
		g.inserts = append(g.inserts, w)
	case w.After == nil:
		g.deletes = append(g.deletes, w)
	default:
		g.updates = append(g.updates, w)
	}
	return nil
}

func (x *tx) write(ctx context.Context, writes []relay.Write) error {
	groups, err := x.group(ctx, writes)
	if err != nil {
		return err
	}
	for _, g := range groups {
		for _, step := range []struct {
			rows []*relay.Write
			do   func(context.Context, *knownTable, *relay.Write) error
		}{
			{g.deletes, x.deleteRow}, {g.remove, x.removeRow}, {g.removedFirst(), x.removeRow},
			{g.updates, x.updateRow}, {g.put, x.putRow},
		} {
			for _, w := range step.rows {
				if err := step.do(ctx, g.table, w); err != nil {
					return err
				}
			}
		}
		if err := x.insertRows(ctx, g.table, g.inserts); err != nil {
			return err
		}
	}
	return nil
}

// together is how many rows are inserted by one statement, where there are as many.
const together = 32

// insertRows inserts rows that should not be there, many at a time as long as they have all their columns.
func (x *tx) insertRows(ctx context.Context, k *knownTable, rows []*relay.Write) error {
	var waiting [][]logical.Cell
	for n, w := range rows {
		cells, err := k.cells(w.After)
		if err != nil {
			return err
		}
		if waiting = append(waiting, cells); len(waiting) < together && n < len(rows)-1 {
			continue
		}
		if err := x.insertCells(ctx, k, waiting); err != nil {
			return err
		}
		waiting = waiting[:0]
	}
	return nil
}

// insertCells inserts rows by one statement if they are as many as that takes, else each by its own.
func (x *tx) insertCells(ctx context.Context, k *knownTable, rows [][]logical.Cell) error {
	size := 1
	if len(rows) == together && len(rows[0])*together <= maxParams && !slices.ContainsFunc(rows, logical.HasAbsent) {
		size = together
	}
	for chunk := range slices.Chunk(rows, size) {
		var values [][]byte
		for _, cells := range chunk {
			values = append(values, params(cells)...)
		}
		err := x.add(ctx, command{
			op: "insert row", table: k.name, sql: k.insertSQL(chunk[0], "nothing", size), params: values, kind: isRow, rows: int64(size),
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// maxParams is how many parameters a statement can have: see Bind in "Message Formats".
const maxParams = 65535

// removedFirst returns the rows that are deleted before they are put, since they may have each other's unique values.
func (g *rowGroup) removedFirst() []*relay.Write {
	if g.table.replaces() {
		return g.put
	}
	return nil
}

func (x *tx) deleteRow(ctx context.Context, k *knownTable, w *relay.Write) error {
	return x.deleteBy(ctx, k, w, isRow)
}

func (x *tx) removeRow(ctx context.Context, k *knownTable, w *relay.Write) error {
	return x.deleteBy(ctx, k, w, isAny)
}

func (x *tx) deleteBy(ctx context.Context, k *knownTable, w *relay.Write, kind int) error {
	key, err := k.keyParams(w)
	if err != nil {
		return err
	}
	return x.add(ctx, command{op: "delete row", table: k.name, sql: k.deleteSQL(), params: key, kind: kind})
}

func (x *tx) updateRow(ctx context.Context, k *knownTable, w *relay.Write) error {
	cells, err := k.cells(w.After)
	if err != nil {
		return err
	}
	key, err := k.keyParams(w)
	if err != nil {
		return err
	}
	if k.fixed { // a column of it cannot be updated
		if err := x.add(ctx, command{op: "delete row", table: k.name, sql: k.deleteSQL(), params: key, kind: isRow}); err != nil {
			return err
		}
		return x.add(ctx, command{op: "insert row", table: k.name, sql: k.insertSQL(cells, "", 1), params: params(cells), kind: isRow})
	}
	sql, values := k.updateSQL(cells)
	return x.add(ctx, command{op: "update row", table: k.name, sql: sql, params: append(values, key...), kind: isRow})
}

func (x *tx) putRow(ctx context.Context, k *knownTable, w *relay.Write) error {
	cells, err := k.cells(w.After)
	if err != nil {
		return err
	}
	how := "update"
	if k.replaces() {
		how = ""
	}
	return x.add(ctx, command{op: "write row", table: k.name, sql: k.insertSQL(cells, how, 1), params: params(cells), kind: isAny})
}

// params are the cells that are there.
func params(cells []logical.Cell) [][]byte {
	list := make([][]byte, 0, len(cells))
	for i := range cells {
		if cells[i].Kind != logical.IsAbsent {
			list = append(list, param(&cells[i]))
		}
	}
	return list
}

func param(c *logical.Cell) []byte {
	switch {
	case c.Kind != logical.IsText:
		return nil
	case c.Text == nil:
		return []byte{} // an empty text, not NULL
	}
	return c.Text
}
