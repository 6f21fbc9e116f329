package values

import (
	"context"

	"github.com/octant-db/octant/relay"
)

// widened returns how rows of a table of our own are brought into its form here, in which columns are wider; nil: they are written as they come.
func (t *Target) widened(ctx context.Context, table *relay.Table) (*plan, error) {
	engine, ok := t.Engine.(widener)
	if !ok || table.Flavour != t.flavour {
		return nil, nil
	}
	t.mu.Lock()
	p, known := t.wide[table]
	t.mu.Unlock()
	if known {
		return p, nil
	}
	to, err := engine.Widened(ctx, table)
	if err != nil {
		return nil, err
	}
	if to != nil {
		if p = newPlan(table, &Local{Table: to}); p.problem != nil {
			p = nil // it is refused as it came
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.wide) >= maxPlans {
		clear(t.wide)
	}
	t.wide[table] = p
	return p, nil
}
