package apply

import (
	"context"
	"errors"
	"slices"

	"github.com/octant-db/octant/protocol/postgres/catalog"
	"github.com/octant-db/octant/protocol/postgres/connect"
	"github.com/octant-db/octant/protocol/values"
	"github.com/octant-db/octant/relay"
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
	l := &values.Local{Table: s.Table, Needed: needed(local)}
	for _, index := range local.Unique {
		l.Unique = append(l.Unique, index.Columns...)
	}
	l.Narrow = func(n int) (*relay.Table, error) {
		d := local.Description
		d.Columns = d.Columns[:n]
		s, err := t.schemas.Get(d.Append(nil))
		if err != nil {
			return nil, err
		}
		return s.Table, nil
	}
	return l, nil
}

// needed is how many of a table's columns rows must have: those behind them can be done without.
func needed(local *catalog.Table) int {
	n := len(local.Columns)
	for n > 0 && !slices.Contains(local.Key, n-1) && indispensable(local, n-1) == "" {
		n--
	}
	return n
}
