package verify

import (
	"context"
	"errors"

	"github.com/octant-db/octant/relay"
)

// How far the log is searched for the last writes of rows that differ, and for how many of them.
const (
	searchEntries = 200_000
	searchRows    = 2_000
)

// explain adds to the differences which columns differ and who wrote the rows last.
func (c *comparison) explain(ctx context.Context) error {
	if len(c.t.Differences) == 0 {
		return nil
	}
	for n := range c.t.Differences {
		if err := c.columns(ctx, &c.t.Differences[n]); err != nil {
			return err
		}
	}
	return c.versions(ctx)
}

// columns compares a row column by column.
func (c *comparison) columns(ctx context.Context, d *Difference) error {
	rows := make([][]relay.ColumnValue, len(c.members))
	err := c.each(ctx, func(ctx context.Context, i int, side relay.Comparison) (err error) {
		d.Rows[i].Region = c.members[i].Name
		rows[i], err = side.Columns(ctx, c.t.Table, d.Key)
		return err
	})
	if err != nil {
		return err
	}
	first := firstRow(rows)
	for _, row := range rows {
		if row != nil && len(row) != len(first) {
			return errors.New("its definition was changed while it was compared: compare it again")
		}
	}
	d.Name, d.Columns = map[string]string{}, []string{}
	for n, v := range first {
		if v.Key {
			d.Name[v.Name] = shown(v.Value)
		}
		if !sameColumn(rows, n) {
			d.Columns = append(d.Columns, v.Name)
			if c.o.Values {
				d.show(rows, n)
			}
		}
	}
	return nil
}

func firstRow(rows [][]relay.ColumnValue) []relay.ColumnValue {
	for _, row := range rows {
		if row != nil {
			return row
		}
	}
	return nil
}

// sameColumn tells whether the rows that are there have the same in a column.
func sameColumn(rows [][]relay.ColumnValue, n int) bool {
	var first *relay.ColumnValue
	for _, row := range rows {
		switch {
		case row == nil:
		case first == nil:
			first = &row[n]
		case !first.Same(&row[n]):
			return false
		}
	}
	return true
}

// show puts a column's values into the report.
func (d *Difference) show(rows [][]relay.ColumnValue, n int) {
	for i, row := range rows {
		if row == nil {
			continue
		}
		if d.Rows[i].Values == nil {
			d.Rows[i].Values = map[string]*string{}
		}
		var text *string
		if row[n].Value != nil {
			s := shown(row[n].Value)
			text = &s
		}
		d.Rows[i].Values[row[n].Name] = text
	}
}

// versions looks in the regions' logs for the last writes of the rows.
func (c *comparison) versions(ctx context.Context) error {
	differences := c.t.Differences[:min(len(c.t.Differences), searchRows)]
	keys := make([]relay.RowKey, len(differences))
	for i := range differences {
		keys[i] = differences[i].Key
	}
	return c.each(ctx, func(ctx context.Context, i int, side relay.Comparison) error {
		cut, err := side.Cut(ctx)
		if err != nil {
			return err
		}
		looks, err := side.Look(ctx, c.t.Table, max(cut.LSN, searchEntries)-searchEntries, keys)
		if err != nil {
			return err
		}
		for n := range differences {
			if v := looks[n].Version; !v.IsZero() {
				differences[n].Rows[i].Version = v.String()
			}
		}
		return nil
	})
}
