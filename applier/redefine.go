package applier

import (
	"context"

	"github.com/octant-db/octant/conflict"
	"github.com/octant-db/octant/relay"
)

// redefine looks at the rows that are known of tables whose definitions have changed in this database: such a table may have gained unique keys or
// lost some, and rows that were hidden because of these are to be put back.
func (a *Applier) redefine(ctx context.Context, definitions []relay.Change) error {
	for i := range definitions {
		for _, n := range definitions[i].Definition.Tables {
			if n.Table == "" {
				continue
			}
			if err := a.redefineTable(ctx, n.Schema+"."+n.Table); err != nil {
				return err
			}
		}
	}
	return nil
}

func (a *Applier) redefineTable(ctx context.Context, name string) error {
	a.mu.Lock()
	keys, err := a.index.Under(keyOf(name, ""))
	a.mu.Unlock()
	for err == nil && len(keys) > 0 {
		n := min(len(keys), partRows)
		err = a.redefineRows(ctx, keys[:n])
		keys = keys[n:]
	}
	return err
}

// redefineRows asks for the unique values of rows as the table is now. Nothing is merged meanwhile, so that the rows stay as they are.
func (a *Applier) redefineRows(ctx context.Context, keys []conflict.Key) error {
	rows := make([]conflict.Row, len(keys))
	a.mu.Lock()
	for i, k := range keys {
		reg, _, err := a.index.Get(k)
		if err != nil {
			a.mu.Unlock()
			return err
		}
		rows[i] = reg.Row
	}
	a.mu.Unlock()
	for i, k := range keys {
		if !rows[i].Exists() || rows[i].Table == nil {
			continue
		}
		ids, err := a.cfg.Target.Identify(ctx, rows[i].Table, []relay.Image{rows[i].Image})
		if err != nil {
			return err
		}
		a.mu.Lock()
		err = a.engine.Redefine(k, valuesOf(tableOf(k), ids[0].Unique))
		a.mu.Unlock()
		if err != nil {
			return err
		}
	}
	return nil
}
