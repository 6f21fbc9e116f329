package apply

import (
	"bytes"
	"context"
	"fmt"
	"strconv"

	"github.com/go-mysql-org/go-mysql/mysql"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/protocol/values"
	"github.com/octant-db/octant/relay"
)

// readRows reads rows of a table as the log would have them. What has no plain form is left out: the log shows it when the row is written.
func readRows(ctx context.Context, s *session, t *relay.Table, where []byte) ([]relay.Change, error) {
	query := []byte("SELECT ")
	for i := range t.Columns {
		if i > 0 {
			query = append(query, ',')
		}
		query = appendPlainly(query, &t.Plain.Types()[i], t.Columns[i].Name)
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

// appendPlainly appends the expression that is a column's plain value, but for what cellValue does.
func appendPlainly(b []byte, t *relay.Type, column string) []byte {
	name := binlog.AppendIdentifier(nil, column)
	switch t.Kind {
	case relay.Text, relay.Enum, relay.Set, relay.JSON:
		return fmt.Appendf(b, "CAST(CONVERT(%s USING utf8mb4) AS BINARY)", name)
	case relay.Float32, relay.Float64:
		return fmt.Appendf(b, "CAST(CAST(%s AS DOUBLE) AS CHAR)", name)
	case relay.Bits:
		return fmt.Appendf(b, "LPAD(BIN(%s+0),%d,'0')", name, t.Bits)
	case relay.Int, relay.Uint, relay.Year, relay.Decimal, relay.Date, relay.Time, relay.DateTime, relay.Timestamp:
		return fmt.Appendf(b, "CAST(%s AS CHAR)", name)
	case relay.Null:
		return append(b, "NULL"...)
	}
	if t.Fixed && t.Length > 0 { // a UUID is text otherwise
		return fmt.Appendf(b, "CAST(%s AS BINARY(%d))", name, t.Length)
	}
	return fmt.Appendf(b, "CAST(%s AS BINARY)", name)
}

func imageOf(t *relay.Table, cells []mysql.FieldValue) (relay.Image, error) {
	row := make([]relay.Value, len(cells))
	for i := range cells {
		if cells[i].Type == mysql.FieldValueTypeNull {
			continue
		}
		var err error
		if row[i], err = cellValue(t.Plain.Types()[i].Kind, bytes.Clone(cells[i].AsString())); err != nil {
			return nil, fmt.Errorf("column %s is not as its type says", t.Columns[i].Name)
		}
	}
	return t.Plain.Image(row)
}

// cellValue reads what the database says of a value; see relay.Plain.
func cellValue(kind relay.Kind, cell []byte) (v relay.Value, err error) {
	v = relay.Value{Kind: kind, Bytes: cell}
	switch kind {
	case relay.Int:
		v.Bytes = nil
		v.Int, err = strconv.ParseInt(string(cell), 10, 64)
	case relay.Uint:
		n, err := strconv.ParseUint(string(cell), 10, 64)
		return values.Integer(n), err
	case relay.Year:
		v.Bytes = nil
		v.Uint, err = strconv.ParseUint(string(cell), 10, 64)
	case relay.Float32, relay.Float64:
		v.Bytes = nil
		v.Float, err = strconv.ParseFloat(string(cell), 64)
	case relay.Time, relay.DateTime, relay.Timestamp:
		v.Bytes = values.TrimFraction(cell)
	}
	return v, err
}
