package apply

import (
	"context"
	"fmt"

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
		if err := x.writeGroup(ctx, g); err != nil {
			return err
		}
	}
	return nil
}

func (x *tx) writeGroup(ctx context.Context, g *rowGroup) error {
	if err := x.guard(ctx, g.table); err != nil {
		return err
	}
	for _, step := range []struct {
		rows []*relay.Write
		do   func(context.Context, *knownTable, []*relay.Write) error
	}{
		{g.deletes, x.deleteRows}, {g.remove, x.one(x.removeRow)}, {g.removedFirst(), x.one(x.removeRow)},
		{g.updates, x.updateRows}, {g.put, x.one(x.clearRow)}, {g.put, x.one(x.putRow)}, {g.inserts, x.insertRows},
	} {
		if err := step.do(ctx, g.table, step.rows); err != nil {
			return err
		}
	}
	return nil
}

// one writes rows one by one.
func (x *tx) one(write func(context.Context, *knownTable, *relay.Write) error) func(context.Context, *knownTable, []*relay.Write) error {
	return func(ctx context.Context, k *knownTable, rows []*relay.Write) error {
		for _, w := range rows {
			if err := write(ctx, k, w); err != nil {
				return err
			}
		}
		return nil
	}
}

// removedFirst returns the rows that are deleted before they are put, since they may have each other's unique values.
func (g *rowGroup) removedFirst() []*relay.Write {
	if g.table.replaces() {
		return g.put
	}
	return nil
}

// read reads an image. The cells are good until the next call.
func (x *tx) read(k *knownTable, image relay.Image) (cells []logical.Cell, err error) {
	x.cells, err = logical.Cells(x.cells[:0], image, len(k.schema.Table.Columns))
	return x.cells, err
}

// appendKey appends the parameters that a row is found with. It reads another image.
func (x *tx) appendKey(list [][]byte, k *knownTable, w *relay.Write) ([][]byte, error) {
	image := w.Before
	if image == nil {
		image = w.After
	}
	cells, err := x.read(k, image)
	if err != nil {
		return nil, err
	}
	return k.appendKey(list, cells), nil
}

func (x *tx) removeRow(ctx context.Context, k *knownTable, w *relay.Write) error {
	key, err := x.appendKey(nil, k, w)
	if err != nil {
		return err
	}
	return x.add(ctx, command{op: "delete row", table: k.name, sql: k.deleteSQL(), params: key, kind: isAny})
}

func (x *tx) updateRow(ctx context.Context, k *knownTable, w *relay.Write) error {
	if k.fixed { // a column of it cannot be updated
		return x.replaceRow(ctx, k, w)
	}
	cells, err := x.read(k, w.After)
	if err != nil {
		return err
	}
	sql := k.updateSQL(cells)
	values, err := x.appendKey(k.appendSettable(nil, cells), k, w)
	if err != nil {
		return err
	}
	return x.add(ctx, command{op: "update row", table: k.name, sql: sql, params: values, kind: isRow})
}

// replaceRow deletes a row that should be there, and inserts it anew.
func (x *tx) replaceRow(ctx context.Context, k *knownTable, w *relay.Write) error {
	key, err := x.appendKey(nil, k, w)
	if err != nil {
		return err
	}
	if err := x.add(ctx, command{op: "delete row", table: k.name, sql: k.deleteSQL(), params: key, kind: isRow}); err != nil {
		return err
	}
	cells, err := x.read(k, w.After)
	if err != nil {
		return err
	}
	return x.add(ctx, command{op: "insert row", table: k.name, sql: k.insertSQL(cells, "", 1), params: appendParams(nil, cells), kind: isRow})
}

func (x *tx) putRow(ctx context.Context, k *knownTable, w *relay.Write) error {
	cells, err := x.read(k, w.After)
	if err != nil {
		return err
	}
	how := "update"
	if k.replaces() {
		how = ""
	}
	return x.add(ctx, command{op: "write row", table: k.name, sql: k.insertSQL(cells, how, 1), params: appendParams(nil, cells), kind: isAny})
}

// appendParams appends the cells that are there.
func appendParams(list [][]byte, cells []logical.Cell) [][]byte {
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
