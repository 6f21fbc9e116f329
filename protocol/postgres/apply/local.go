package apply

import (
	"context"
	"errors"

	"github.com/octant-db/octant/protocol/postgres/catalog"
	"github.com/octant-db/octant/protocol/postgres/connect"
	"github.com/octant-db/octant/protocol/values"
)

// Local describes a table as the database's own log would; nil: there is none.
func (t *Target) Local(ctx context.Context, schema, name string) (*values.Local, error) {
	var local *catalog.Table
	err := t.withControl(ctx, func(c *connect.Conn) (err error) {
		local, err = catalog.Read(ctx, c, schema, name)
		return err
	})
	if errors.Is(err, catalog.ErrMissing) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	s, err := t.schemas.Get(local.Append(nil))
	if err != nil {
		return nil, err
	}
	l := &values.Local{Table: s.Table}
	for _, index := range local.Unique {
		l.Unique = append(l.Unique, index.Columns...)
	}
	return l, nil
}
