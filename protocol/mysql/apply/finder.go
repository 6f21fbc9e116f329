package apply

import (
	"fmt"
	"strconv"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/relay"
)

// finder writes conditions that find a row by its primary key.
type finder struct {
	table   *relay.Table
	columns *binlog.Columns
	values  []relay.Value
	arena   []byte
}

func newFinder(t *relay.Table) (*finder, error) {
	columns, err := binlog.KeyColumns(t)
	if err != nil {
		return nil, fmt.Errorf("find rows of %s: %w", t, err)
	}
	return &finder{table: t, columns: columns}, nil
}

// where appends "`a`=1 AND `b`=x'…'". A key on a prefix of a column is compared as such.
func (f *finder) where(b []byte, image relay.Image) ([]byte, error) {
	var err error
	if f.values, f.arena, err = f.columns.Values(image, f.values[:0], f.arena[:0]); err != nil {
		return b, err
	}
	for i, part := range f.table.Key {
		if i > 0 {
			b = append(b, " AND "...)
		}
		b = appendEqual(b, f.table.Columns[part.Column], part.Prefix, f.values[i])
	}
	return b, nil
}

// appendEqual appends the condition that a column, or the prefix of it that counts, has a value.
func appendEqual(b []byte, c relay.Column, prefix int, v relay.Value) []byte {
	if prefix > 0 {
		b = binlog.AppendIdentifier(append(b, "LEFT("...), c.Name)
		b = fmt.Appendf(b, ",%d)=LEFT(", prefix)
		return fmt.Appendf(appendComparable(b, c, v), ",%d)", prefix)
	}
	b = append(binlog.AppendIdentifier(b, c.Name), '=')
	return appendComparable(b, c, v)
}

// appendComparable appends a value as something that a column compares with exactly. Beside a BIT, which is a number, it must be
// one too; text needs its collation, since a literal has another.
func appendComparable(b []byte, c relay.Column, v relay.Value) []byte {
	switch v.Kind {
	case relay.Bits:
		var n uint64
		for _, octet := range v.Bytes {
			n = n<<8 | uint64(octet)
		}
		return strconv.AppendUint(b, n, 10)
	case relay.Text:
		if c.Collation != "" {
			b = binlog.AppendLiteral(b, c, v)
			return append(append(b, " COLLATE "...), c.Collation...)
		}
	}
	return binlog.AppendLiteral(b, c, v)
}
