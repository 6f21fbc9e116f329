package compare

import (
	"context"

	"github.com/octant-db/octant/protocol/postgres/catalog"
	"github.com/octant-db/octant/protocol/postgres/connect"
	"github.com/octant-db/octant/relay"
)

// Split implements relay.Leveller.
func (p *Copier) Split(ctx context.Context, name string, b relay.RowBatch) (list []relay.CopiedRow, err error) {
	err = p.with(ctx, name, func(_ *connect.Conn, t *catalog.Table) error {
		lines, err := copiedLines(b)
		if err != nil {
			return err
		}
		list = make([]relay.CopiedRow, len(lines))
		for i, line := range lines {
			if list[i].Key, err = keyOfLine(t, line); err != nil {
				return err
			}
			list[i].Data = line[: len(line)+1 : len(line)+1] // with its end
		}
		return nil
	})
	return list, err
}

// Remove implements relay.Leveller.
func (p *Copier) Remove(ctx context.Context, name string, keys []relay.RowKey) error {
	return p.with(ctx, name, func(c *connect.Conn, t *catalog.Table) error {
		return transact(ctx, c, func() error {
			for _, key := range keys {
				condition, err := at(t, key)
				if err != nil {
					return err
				}
				if err := c.Run(ctx, "delete rows of "+name, "DELETE FROM "+only(t)+" WHERE "+condition); err != nil {
					return err
				}
			}
			return nil
		})
	})
}
