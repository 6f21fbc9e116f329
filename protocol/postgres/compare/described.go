package compare

import (
	"context"
	"maps"
	"slices"

	"github.com/octant-db/octant/protocol/postgres/connect"
	"github.com/octant-db/octant/protocol/postgres/logical"
	"github.com/octant-db/octant/relay"
)

// Described returns the replicated tables as the log describes them, with their definitions of now.
func (r *Reader) Described(ctx context.Context) ([]*relay.Table, error) {
	if _, err := r.Tables(ctx); err != nil {
		return nil, err
	}
	var list []*relay.Table
	err := r.withSession(ctx, func(*connect.Conn) error {
		cache := logical.NewTableCache()
		list = list[:0]
		for _, name := range slices.Sorted(maps.Keys(r.tables)) {
			s, err := cache.Get(r.tables[name].Description.Append(nil))
			if err != nil {
				return err
			}
			list = append(list, s.Table)
		}
		return nil
	})
	return list, err
}
