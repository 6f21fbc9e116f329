package apply

import (
	"bytes"
	"context"
	"fmt"

	"github.com/go-mysql-org/go-mysql/mysql"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/relay"
)

// readRows reads rows of a table as the log would have them. What has no plain form is left out: the log shows it when the row is written.
func readRows(ctx context.Context, s *session, t *relay.Table, where []byte) ([]relay.Change, error) {
	query := []byte("SELECT ")
	for i := range t.Columns {
		if i > 0 {
			query = append(query, ',')
		}
		query = binlog.AppendPlainly(query, &t.Plain.Types()[i], t.Columns[i].Name)
	}
	query = append(append(binlog.AppendTable(append(query, " FROM "...), t), " WHERE "...), where...)
	rs, err := s.query(ctx, "read rows of "+t.String(), string(query))
	if err != nil {
		return nil, err
	}
	var list []relay.Change
	for _, cells := range rs[0].Values {
		image, err := imageOf(t, cells)
		if err != nil {
			return nil, fmt.Errorf("read rows of %s: %w", t, err)
		}
		list = append(list, relay.Change{Op: relay.Delete, Table: t, Before: image})
	}
	return list, nil
}

func imageOf(t *relay.Table, cells []mysql.FieldValue) (relay.Image, error) {
	row := make([]relay.Value, len(cells))
	for i := range cells {
		if cells[i].Type == mysql.FieldValueTypeNull {
			continue
		}
		var err error
		if row[i], err = binlog.PlainCell(t.Plain.Types()[i].Kind, bytes.Clone(cells[i].AsString())); err != nil {
			return nil, fmt.Errorf("column %s is not as its type says", t.Columns[i].Name)
		}
	}
	return t.Plain.Image(row)
}
