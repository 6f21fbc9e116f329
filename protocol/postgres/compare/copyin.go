package compare

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"github.com/octant-db/octant/protocol/postgres/catalog"
	"github.com/octant-db/octant/protocol/postgres/connect"
	"github.com/octant-db/octant/relay"
)

// Write implements relay.TableCopier. Rows are copied in; only of a chunk of which something stands there already the rows in its way are deleted first.
func (p *Copier) Write(ctx context.Context, name string, b relay.RowBatch) error {
	return p.with(ctx, name, func(c *connect.Conn, t *catalog.Table) error {
		lines, err := copiedLines(b)
		if err != nil {
			return err
		}
		err = transact(ctx, c, func() error { return copyIn(ctx, c, t, b) })
		if connect.Is(err, connect.CodeUniqueViolation) {
			err = transact(ctx, c, func() error {
				if err := makeWay(ctx, c, t, lines); err != nil {
					return err
				}
				return copyIn(ctx, c, t, b)
			})
		}
		return err
	})
}

// transact does something in a transaction in which neither triggers nor foreign keys fire.
func transact(ctx context.Context, c *connect.Conn, do func() error) error {
	err := c.Run(ctx, "begin", "BEGIN; SET LOCAL session_replication_role = replica")
	if connect.Is(err, connect.CodePrivilege) {
		err = fmt.Errorf("%w (GRANT SET ON PARAMETER session_replication_role to the relay's user)", err)
	}
	if err == nil {
		err = do()
	}
	if err != nil {
		if !c.IsClosed() {
			_ = c.Run(ctx, "roll back", "ROLLBACK")
		}
		return err
	}
	return c.Run(ctx, "commit", "COMMIT")
}

// copyIn writes the rows. Numbers of identity columns are taken as they are.
func copyIn(ctx context.Context, c *connect.Conn, t *catalog.Table, b relay.RowBatch) error {
	table := connect.Table(t.Schema, t.Name)
	tag, err := c.CopyFrom(ctx, bytes.NewReader(b.Data), "COPY "+table+" ("+allColumns(t)+") FROM STDIN")
	switch {
	case err != nil:
		return connect.NewError(ctx, "write rows", t.Schema+"."+t.Name, err)
	case tag.RowsAffected() != int64(b.Rows):
		return fmt.Errorf("write rows of %s.%s: the server took %d of %d", t.Schema, t.Name, tag.RowsAffected(), b.Rows)
	}
	return nil
}

// wayRows is for how many rows one statement makes way.
const wayRows = 200

// makeWay deletes the rows that have the keys or unique values of others. Those that are deleted have changed since, or will: they come again.
func makeWay(ctx context.Context, c *connect.Conn, t *catalog.Table, lines [][]byte) error {
	for len(lines) > 0 {
		n := min(len(lines), wayRows)
		rows := make([][][]byte, n)
		for i, line := range lines[:n] {
			var err error
			if rows[i], err = copiedCells(line, len(t.Columns)); err != nil {
				return err
			}
		}
		lines = lines[n:]
		for _, index := range append([]catalog.UniqueIndex{{Columns: t.Key}}, t.Unique...) {
			if err := makeWayIn(ctx, c, t, index, rows); err != nil {
				return err
			}
		}
	}
	return nil
}

func makeWayIn(ctx context.Context, c *connect.Conn, t *catalog.Table, index catalog.UniqueIndex, rows [][][]byte) error {
	var values []string
	for _, row := range rows {
		parts, null := make([]string, len(index.Columns)), false
		for i, column := range index.Columns {
			parts[i], null = literal(t, column, row[column]), null || row[column] == nil
		}
		if !null || !index.NullsNotEqual {
			values = append(values, "("+strings.Join(parts, ", ")+")")
		}
	}
	if len(values) == 0 {
		return nil
	}
	return c.Run(ctx, "make way for rows of "+t.Schema+"."+t.Name, "DELETE FROM "+only(t)+" t USING (VALUES "+strings.Join(values, ", ")+
		") v("+numbered(len(index.Columns))+") WHERE "+sameValues(t, index))
}

// numbered names columns: p0, p1 and so on.
func numbered(n int) string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("p%d", i)
	}
	return strings.Join(names, ", ")
}

// sameValues is the condition that row t has the values of v.
func sameValues(t *catalog.Table, index catalog.UniqueIndex) string {
	parts := make([]string, len(index.Columns))
	for i, column := range index.Columns {
		name := "t." + connect.Identifier(t.Columns[column].Name)
		parts[i] = fmt.Sprintf("%s = v.p%d", name, i)
		if len(index.Name) > 0 && !index.NullsNotEqual {
			parts[i] = fmt.Sprintf("(%s OR %s IS NULL AND v.p%d IS NULL)", parts[i], name, i)
		}
	}
	return strings.Join(parts, " AND ")
}

// Clear implements relay.TableCopier.
func (p *Copier) Clear(ctx context.Context, name string) error {
	return p.with(ctx, name, func(c *connect.Conn, t *catalog.Table) error {
		return transact(ctx, c, func() error { return c.Run(ctx, "empty table "+name, "DELETE FROM "+only(t)) })
	})
}

// obstaclesSQL lists what rows cannot be copied in beside: triggers that fire whatever session_replication_role is, and what excludes rows by other things than
// their columns' values: which row is in the way could not be told.
const obstaclesSQL = `SELECT 'trigger ' || pg_catalog.quote_ident(g.tgname) FROM pg_catalog.pg_trigger g
WHERE g.tgrelid = $1::oid AND NOT g.tgisinternal AND g.tgenabled IN ('A', 'R')
UNION ALL SELECT CASE WHEN i.indisexclusion THEN 'exclusion constraint ' ELSE 'unique index ' END || pg_catalog.quote_ident(c.relname)
FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
WHERE i.indrelid = $1::oid AND (i.indisexclusion OR i.indisunique AND (i.indpred IS NOT NULL OR i.indexprs IS NOT NULL)) ORDER BY 1`

// Ready implements relay.TableCopier.
func (p *Copier) Ready(ctx context.Context, name string) (empty bool, err error) {
	err = p.with(ctx, name, func(c *connect.Conn, t *catalog.Table) error {
		rows, err := c.Query(ctx, "look for what would be in the way", obstaclesSQL, t.OID)
		if err != nil {
			return err
		}
		if len(rows) > 0 {
			return fmt.Errorf("table %s has %s: drop it until the region has joined", name, rows[0][0])
		}
		return transact(ctx, c, func() error {
			rows, err := c.Query(ctx, "look for rows in "+name, "SELECT EXISTS (SELECT FROM "+only(t)+")")
			if err == nil {
				empty = string(rows[0][0]) == "f"
			}
			return err
		})
	})
	return empty, err
}
