package apply

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/octant-db/octant/protocol/postgres/catalog"
	"github.com/octant-db/octant/protocol/postgres/connect"
	"github.com/octant-db/octant/protocol/postgres/logical"
	"github.com/octant-db/octant/relay"
)

var _ relay.Family = (*Target)(nil)

// PostgreSQL logs what its foreign keys do to children. Regions of other engines do not: what they do is done here as it is there.

// ties returns the ties of the database, as they were when they were first asked for, until Refresh.
func (t *Target) ties(ctx context.Context) ([]catalog.Tie, error) {
	t.tables.mu.Lock()
	ties, known := t.tables.ties, t.tables.tied
	t.tables.mu.Unlock()
	if known {
		return ties, nil
	}
	err := t.withControl(ctx, func(c *connect.Conn) (err error) {
		ties, err = catalog.Ties(ctx, c)
		return err
	})
	if err != nil {
		return nil, err
	}
	t.tables.mu.Lock()
	defer t.tables.mu.Unlock()
	t.tables.ties, t.tables.tied = ties, true
	return ties, nil
}

// planTies makes the keys by which rows of the table know their parents and their children.
func (k *knownTable) planTies(ties []catalog.Tie) {
	own := relay.TableName{Schema: k.schema.Table.Schema, Table: k.schema.Table.Name}
	for i := range ties {
		if columns := k.places(ties[i].Columns); ties[i].Child == own && columns != nil {
			k.parents = append(k.parents, k.planKey(ties[i].Name(), columns, false))
			k.led = k.led || !ties[i].Follows
		}
		if columns := k.places(ties[i].Referenced); ties[i].Parent == own && columns != nil {
			list := &k.children
			if ties[i].Rekeyed {
				list = &k.keyed
			}
			*list = append(*list, k.planKey(ties[i].Name(), columns, false))
		}
	}
}

// places are the places of columns, nil if the table lacks one.
func (k *knownTable) places(names []string) []int {
	var places []int
	for _, name := range names {
		i := slices.IndexFunc(k.schema.Table.Columns, func(c relay.Column) bool { return c.Name == name })
		if i < 0 {
			return nil
		}
		places = append(places, i)
	}
	return places
}

// belowAtOnce bounds the parents that are asked for in one statement.
const belowAtOnce = 128

// Below implements relay.Family.
func (t *Target) Below(ctx context.Context, table *relay.Table, images []relay.Image) ([]relay.Change, error) {
	parents, err := t.table(ctx, table)
	if err != nil {
		return nil, err
	}
	ties, err := t.ties(ctx)
	if err != nil {
		return nil, err
	}
	var found []relay.Change
	for i := range ties {
		if ties[i].Parent != (relay.TableName{Schema: table.Schema, Table: table.Name}) {
			continue
		}
		for part := range slices.Chunk(images, belowAtOnce) {
			rows, err := t.tiedTo(ctx, &ties[i], parents, part)
			if err != nil {
				return nil, fmt.Errorf("look up rows of %s.%s: %w", ties[i].Child.Schema, ties[i].Child.Table, err)
			}
			found = append(found, rows...)
		}
	}
	return found, nil
}

// tiedTo reads the rows that are tied to some parents, as the log would have them.
func (t *Target) tiedTo(ctx context.Context, tie *catalog.Tie, parents *knownTable, images []relay.Image) ([]relay.Change, error) {
	where, params, err := t.tiedWhere(tie, parents, images)
	if err != nil || len(params) == 0 {
		return nil, err
	}
	local, err := t.Local(ctx, tie.Child.Schema, tie.Child.Table)
	if err != nil || local == nil {
		return nil, err
	}
	names := make([]string, len(local.Table.Columns))
	for i, c := range local.Table.Columns {
		names[i] = connect.Identifier(c.Name)
	}
	query := "SELECT " + strings.Join(names, ", ") + " FROM " + connect.Table(tie.Child.Schema, tie.Child.Table) + " WHERE " + where
	var found []relay.Change
	err = t.withControl(ctx, func(c *connect.Conn) error {
		rows, err := c.Query(ctx, "read rows", query, params...)
		found = found[:0]
		for _, row := range rows {
			found = append(found, relay.Change{Op: relay.Delete, Table: local.Table, Before: imageOf(row)})
		}
		return err
	})
	return found, err
}

// tiedWhere is the condition for the children of some parents, with its parameters.
func (t *Target) tiedWhere(tie *catalog.Tie, parents *knownTable, images []relay.Image) (string, []any, error) {
	referenced := parents.places(tie.Referenced)
	if referenced == nil {
		return "", nil, errors.New("the parent lacks a column that it refers to")
	}
	var all []string
	var params []any
	for _, image := range images {
		cells, err := parents.cells(image)
		if err != nil {
			return "", nil, err
		}
		if slices.ContainsFunc(referenced, func(i int) bool { return cells[i].Kind != logical.IsText }) {
			continue
		}
		var one []string
		for n, i := range referenced {
			params = append(params, param(&cells[i]))
			one = append(one, fmt.Sprintf("%s = $%d", connect.Identifier(tie.Columns[n]), len(params)))
		}
		all = append(all, "("+strings.Join(one, " AND ")+")")
	}
	return strings.Join(all, " OR "), params, nil
}

// imageOf makes an image of a row's texts.
func imageOf(row [][]byte) relay.Image {
	cells := make([]logical.Cell, len(row))
	for i, text := range row {
		cells[i] = logical.Cell{Kind: logical.IsText, Text: text}
		if text == nil {
			cells[i].Kind = logical.IsNull
		}
	}
	return logical.AppendImage(nil, cells)
}

// Heads implements relay.Family.
func (t *Target) Heads(ctx context.Context, table relay.TableName) (bool, error) {
	ties, err := t.ties(ctx)
	return slices.ContainsFunc(ties, func(k catalog.Tie) bool { return k.Parent == table }), err
}
