package binlog

import (
	"fmt"
	"strconv"

	"github.com/octant-db/octant/protocol/values"
	"github.com/octant-db/octant/relay"
)

// AppendPlainly appends the expression that is a column's plain value, but for what PlainCell does.
func AppendPlainly(b []byte, t *relay.Type, column string) []byte {
	name := AppendIdentifier(nil, column)
	switch t.Kind {
	case relay.Text, relay.Enum, relay.Set, relay.JSON:
		return fmt.Appendf(b, "CAST(CONVERT(%s USING utf8mb4) AS BINARY)", name)
	case relay.Float32: // CONCAT, since CAST(… AS CHAR) cuts digits off
		return fmt.Appendf(b, "CONCAT(CAST(%s AS DOUBLE))", name)
	case relay.Float64:
		return fmt.Appendf(b, "CONCAT(%s)", name)
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

// PlainCell reads what the database says of such an expression. The value may alias the cell.
func PlainCell(kind relay.Kind, cell []byte) (v relay.Value, err error) {
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
