package compare

import (
	"context"
	"fmt"
	"strconv"

	"github.com/octant-db/octant/protocol/postgres/catalog"
	"github.com/octant-db/octant/protocol/postgres/connect"
)

// sequencesSQL lists the sequences from which whole numbers in a table's columns come: of identity columns, of serial ones, and of other defaults.
const sequencesSQL = `SELECT DISTINCT n.nspname, s.relname, a.attname, q.seqincrement FROM pg_catalog.pg_depend d
LEFT JOIN pg_catalog.pg_attrdef f ON d.classid = 'pg_catalog.pg_attrdef'::regclass AND f.oid = d.objid
JOIN pg_catalog.pg_class s ON s.relkind = 'S' AND s.oid = CASE WHEN f.oid IS NULL THEN d.objid ELSE d.refobjid END
JOIN pg_catalog.pg_namespace n ON n.oid = s.relnamespace JOIN pg_catalog.pg_sequence q ON q.seqrelid = s.oid
JOIN pg_catalog.pg_attribute a ON a.attrelid = $1::oid AND a.attnum = CASE WHEN f.oid IS NULL THEN d.refobjsubid ELSE f.adnum END
WHERE a.atttypid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype) AND d.refclassid = 'pg_catalog.pg_class'::regclass AND
  (f.adrelid = $1::oid OR f.oid IS NULL AND d.classid = 'pg_catalog.pg_class'::regclass AND d.refobjid = $1::oid AND d.deptype IN ('a', 'i'))`

// GoOnBehind implements relay.Numbering. A sequence keeps its steps: those of other regions' sequences lie between.
func (p *Copier) GoOnBehind(ctx context.Context, name string) error {
	return p.with(ctx, name, func(c *connect.Conn, t *catalog.Table) error {
		rows, err := c.Query(ctx, "read pg_sequence", sequencesSQL, t.OID)
		if err != nil {
			return err
		}
		for _, row := range rows {
			step, err := strconv.ParseInt(string(row[3]), 10, 64)
			if err != nil {
				return fmt.Errorf("read pg_sequence: %w", err)
			}
			sequence := connect.Table(string(row[0]), string(row[1]))
			if err := goOnBehind(ctx, c, t, sequence, string(row[2]), step); err != nil {
				return fmt.Errorf("move sequence %s: %w (the relay's user needs SELECT and UPDATE on it)", sequence, err)
			}
		}
		return nil
	})
}

// goOnBehind moves a sequence if it would give a number that stands in a column, or one before.
func goOnBehind(ctx context.Context, c *connect.Conn, t *catalog.Table, sequence, column string, step int64) error {
	end := "max"
	if step < 0 {
		end = "min"
	}
	rows, err := c.Query(ctx, "read the last number", fmt.Sprintf(`SELECT s.last_value + CASE WHEN s.is_called THEN $1::numeric ELSE 0 END, v.last
FROM %s s, (SELECT %s(%s) AS last FROM %s) v WHERE v.last IS NOT NULL`, sequence, end, connect.Identifier(column), only(t)), step)
	if err != nil || len(rows) == 0 {
		return err
	}
	_, err = c.Query(ctx, "set a sequence", `SELECT pg_catalog.setval($1::text::regclass, (n.next + n.steps * n.step)::bigint, false)
FROM (SELECT $2::numeric AS next, $3::numeric AS step, floor(($4::numeric - $2::numeric) / $3::numeric) + 1 AS steps) n WHERE n.steps > 0`,
		sequence, rows[0][0], step, rows[0][1])
	return err
}
