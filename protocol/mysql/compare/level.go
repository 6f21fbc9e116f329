package compare

import (
	"context"

	"github.com/go-mysql-org/go-mysql/client"

	"github.com/octant-db/octant/relay"
)

// Split implements relay.Leveller.
func (p *Copier) Split(ctx context.Context, name string, b relay.RowBatch) (list []relay.CopiedRow, err error) {
	err = p.with(ctx, name, func(_ *client.Conn, t *table) error {
		list = list[:0]
		rest := b.Data
		for range b.Rows {
			row, err := t.cutRow(rest)
			if err != nil {
				return answerf("%w", err)
			}
			list, rest = append(list, row), rest[len(row.Data):]
		}
		return nil
	})
	return list, err
}

// cutRow reads the row that data begins with.
func (t *table) cutRow(data []byte) (relay.CopiedRow, error) {
	columns, size := len(t.written()), 0
	key := make([][]byte, 0, len(t.key))
	for i := range columns + len(t.key) {
		v, n, _ := cutCell(data[size:])
		if n == 0 {
			return relay.CopiedRow{}, errMalformed
		}
		size += n
		if i >= columns {
			key = append(key, v)
		}
	}
	return relay.CopiedRow{Key: relay.NewRowKey(key), Data: data[:size:size]}, nil
}

// Remove implements relay.Leveller.
func (p *Copier) Remove(ctx context.Context, name string, keys []relay.RowKey) error {
	return p.with(ctx, name, func(conn *client.Conn, t *table) error {
		for _, key := range keys {
			at, err := t.at(key)
			if err != nil {
				return answerf("%w", err)
			}
			if _, err := conn.Execute("DELETE FROM " + t.quotedName() + " WHERE " + at); err != nil {
				return explain("delete rows of "+name, err)
			}
		}
		return nil
	})
}
