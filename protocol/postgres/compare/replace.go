package compare

import (
	"context"
	"fmt"
	"strings"

	"github.com/octant-db/octant/protocol/postgres/catalog"
	"github.com/octant-db/octant/protocol/postgres/connect"
	"github.com/octant-db/octant/protocol/postgres/ledger"
	"github.com/octant-db/octant/relay"
)

// Replace implements relay.TableReader. The row is locked while it is compared and written. The transaction begins with a mark in octant.applied,
// as the applier's do: the relay knows it for an operator's repair, and sends it to nobody. Triggers and foreign keys do not fire, so the user must be
// allowed to set session_replication_role.
func (r *Reader) Replace(ctx context.Context, p relay.Replacement) error {
	return r.with(ctx, p.Table, func(c *connect.Conn, t *catalog.Table) error {
		condition, err := at(t, p.Key)
		if err != nil {
			return err
		}
		return repair(ctx, c, func() error { return replace(ctx, c, t, condition, &p) })
	})
}

// repair does something in a transaction of its own.
func repair(ctx context.Context, c *connect.Conn, do func() error) error {
	if err := c.Run(ctx, "begin a repair", "BEGIN; SET LOCAL session_replication_role = replica"); err != nil {
		_ = c.Run(ctx, "roll back", "ROLLBACK")
		return fmt.Errorf("%w (GRANT SET ON PARAMETER session_replication_role to the relay's user)", err)
	}
	if err := do(); err != nil {
		_ = c.Run(ctx, "roll back", "ROLLBACK")
		return err
	}
	if err := c.Run(ctx, "commit a repair", "COMMIT"); err != nil {
		return fmt.Errorf("whether the row was written is not known: %v", err) // and so it is not tried again
	}
	return nil
}

func replace(ctx context.Context, c *connect.Conn, t *catalog.Table, condition string, p *relay.Replacement) error {
	found, err := c.Query(ctx, "lock a row", "SELECT "+digest(t)+from(t)+" WHERE "+condition+" FOR UPDATE")
	switch {
	case err != nil:
		return err
	case (len(found) > 0) != (p.Expect != nil), p.Expect != nil && string(found[0][0]) != p.Expect.String():
		return relay.ErrChanged
	}
	return amend(ctx, c, t, condition, p, p.Expect != nil)
}

// amend writes the mark and the row, which has been locked if it is there.
func amend(ctx context.Context, c *connect.Conn, t *catalog.Table, condition string, p *relay.Replacement, there bool) error {
	var mark []any
	for _, v := range ledger.Format(p.Mark) {
		mark = append(mark, v)
	}
	if _, err := c.Query(ctx, "write a mark", ledger.Upsert, mark...); err != nil {
		return err
	}
	if there {
		if err := c.Run(ctx, "delete a row", "DELETE"+from(t)+" WHERE "+condition); err != nil {
			return err
		}
	}
	if p.Values == nil {
		return nil
	}
	statement, err := insert(t, p.Values)
	if err != nil {
		return err
	}
	return c.Run(ctx, "insert a row", statement)
}

func insert(t *catalog.Table, row []relay.ColumnValue) (string, error) {
	if len(row) != len(t.Columns) {
		return "", fmt.Errorf("table %s.%s has %d columns here, and the row %d", t.Schema, t.Name, len(t.Columns), len(row))
	}
	values := make([]string, len(row))
	for i, v := range row {
		if v.Name != t.Columns[i].Name {
			return "", fmt.Errorf("column %d of table %s.%s is called %s here, and %s in the row", i+1, t.Schema, t.Name, t.Columns[i].Name, v.Name)
		}
		values[i] = literal(t, i, v.Value)
	}
	return "INSERT INTO " + connect.Table(t.Schema, t.Name) + " (" + allColumns(t) + ") OVERRIDING SYSTEM VALUE VALUES (" +
		strings.Join(values, ", ") + ")", nil
}
