package compare

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/octant-db/octant/protocol/values"
	"github.com/octant-db/octant/relay"
)

// plainOperand is an expression of a plain value for comparing it with the column, in the column's order. False: the column has no such value. Numbers
// may be beyond the column's range.
func (c *column) plainOperand(t *relay.Type, v relay.Value) (string, bool) {
	switch v.Kind {
	case relay.Int:
		return strconv.FormatInt(v.Int, 10), true
	case relay.Uint, relay.Year:
		return strconv.FormatUint(v.Uint, 10), true
	case relay.Decimal:
		return string(v.Bytes), len(v.Bytes) > 0 && strings.Trim(string(v.Bytes), "-.0123456789") == ""
	case relay.Float32, relay.Float64:
		return strconv.FormatFloat(v.Float, 'g', -1, 64), true
	case relay.Bits:
		n, err := strconv.ParseUint(string(v.Bytes), 2, 64)
		return strconv.FormatUint(n, 10), err == nil && len(v.Bytes) == t.Bits
	case relay.Text:
		return fmt.Sprintf("_utf8mb4 x'%x'", v.Bytes), true
	case relay.Enum:
		n := slices.Index(t.Labels, string(v.Bytes)) + 1
		return strconv.Itoa(n), n > 0
	case relay.Binary, relay.UUID:
		if c.kind == "uuid" && len(v.Bytes) == 16 {
			return "'" + string(values.UUIDText(v.Bytes)) + "'", true
		}
		return fmt.Sprintf("x'%x'", v.Bytes), c.kind != "uuid"
	case relay.Date, relay.Time, relay.DateTime, relay.Timestamp:
		return quote(string(v.Bytes)), true
	}
	return "", false
}
