package apply

import (
	"context"
	"fmt"
	"strings"

	"github.com/octant-db/octant/protocol/postgres/logical"
	"github.com/octant-db/octant/relay"
)

// clearRow deletes rows that have one of the row's unique values; see relay.Write.Clear. The row itself has been deleted before.
func (x *tx) clearRow(ctx context.Context, k *knownTable, w *relay.Write) error {
	if !w.Clear || !k.unique {
		return nil
	}
	cells, err := x.read(k, w.After)
	if err != nil {
		return err
	}
	for i := range k.identity {
		p := &k.identity[i]
		if p.name == "" || !p.has(cells) {
			continue
		}
		var values [][]byte
		for _, c := range p.columns {
			values = append(values, param(&cells[c]))
		}
		if err := x.add(ctx, command{op: "make room for a row", table: k.name, sql: k.clearSQL(p), params: values, kind: isAny}); err != nil {
			return err
		}
	}
	return nil
}

// has tells whether a row has a value in the index that another row cannot have.
func (p *keyPlan) has(cells []logical.Cell) bool {
	for _, c := range p.columns {
		if cells[c].Kind == logical.IsAbsent || cells[c].Kind == logical.IsNull && !p.nullsToo {
			return false
		}
	}
	return true
}

// clearSQL deletes the row that has the values of a unique index.
func (k *knownTable) clearSQL(p *keyPlan) string {
	return k.cached("clear "+p.name, nil, func() string {
		equals, parts := "=", make([]string, len(p.columns))
		if p.nullsToo {
			equals = "IS NOT DISTINCT FROM"
		}
		for n, c := range p.columns {
			parts[n] = fmt.Sprintf("%s %s $%d", k.column(c), equals, n+1)
		}
		return "DELETE FROM " + k.quoted + " WHERE " + strings.Join(parts, " AND ")
	})
}
