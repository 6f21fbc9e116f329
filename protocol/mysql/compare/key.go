package compare

import (
	"encoding/binary"
	"fmt"
	"strconv"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/protocol/values"
	"github.com/octant-db/octant/relay"
)

// Key implements relay.TableReader. It is "" where an image does not say which row it is of: the log has a UUID as it is stored, which depends on
// its version. Nor does an image of another engine.
func (r *Reader) Key(t *relay.Table, img relay.Image) (relay.RowKey, error) {
	if t.Flavour != binlog.Flavour && t.Flavour != binlog.MySQL {
		return "", nil
	}
	row, err := t.Decode(img)
	if err != nil {
		return "", err
	}
	known, ok := r.tables.Load(t.String())
	if !ok {
		return "", nil
	}
	local := known.(*table)
	if len(local.key) != len(t.Key) {
		return "", nil
	}
	parts := make([][]byte, len(t.Key))
	for i, part := range t.Key {
		c := &local.columns[local.key[i]]
		if c.kind == "uuid" {
			return "", nil
		}
		parts[i] = cellOf(c, &row[part.Column])
	}
	return relay.NewRowKey(parts), nil
}

// cellOf is a value of an image as the database's text protocol has it.
func cellOf(c *column, v *relay.Value) []byte {
	switch {
	case c.class() == shape:
		return fmt.Appendf(nil, "%X", v.Bytes)
	case c.kind == "uuid" && len(v.Bytes) == 16:
		return values.UUIDText(v.Bytes)
	}
	switch v.Kind {
	case relay.Int:
		return strconv.AppendInt(nil, v.Int, 10)
	case relay.Uint, relay.Enum, relay.Set:
		return strconv.AppendUint(nil, v.Uint, 10)
	case relay.Float32, relay.Float64:
		return strconv.AppendFloat(nil, v.Float, 'g', -1, 64)
	case relay.Bits:
		var n [8]byte
		copy(n[8-min(len(v.Bytes), 8):], v.Bytes)
		return strconv.AppendUint(nil, binary.BigEndian.Uint64(n[:]), 10)
	}
	return v.Bytes
}
