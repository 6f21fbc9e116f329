package catalog

import (
	"context"
	"strings"

	"github.com/octant-db/octant/protocol/postgres/connect"
	"github.com/octant-db/octant/relay"
)

// Tie is what a foreign key with ON DELETE CASCADE or SET NULL, or ON UPDATE SET NULL, does.
type Tie struct {
	relay.Tie
	Referenced []string // columns of the parent, in the order of Columns
}

// tiesSQL lists the columns of all such foreign keys of ordinary tables, once for each thing that they do. One that sets only some of its columns to NULL is left out.
const tiesSQL = `SELECT f.oid, n.nspname, c.relname, a.attname, pn.nspname, p.relname, pa.attname, d.action, d.rekeyed, f.confdeltype = 'c' AND f.confupdtype = 'n'
FROM pg_catalog.pg_constraint f
JOIN pg_catalog.pg_class c ON c.oid = f.conrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_class p ON p.oid = f.confrelid JOIN pg_catalog.pg_namespace pn ON pn.oid = p.relnamespace
CROSS JOIN LATERAL unnest(f.conkey, f.confkey) WITH ORDINALITY AS k(child, parent, n)
JOIN pg_catalog.pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = k.child
JOIN pg_catalog.pg_attribute pa ON pa.attrelid = f.confrelid AND pa.attnum = k.parent
CROSS JOIN LATERAL (VALUES (f.confdeltype, false), (f.confupdtype, true)) AS d(action, rekeyed)
WHERE f.contype = 'f' AND f.conparentid = 0 AND (d.action = 'c' AND NOT d.rekeyed OR d.action = 'n' AND (d.rekeyed OR pg_catalog.to_jsonb(f) ->> 'confdelsetcols' IS NULL))
ORDER BY n.nspname, c.relname, f.conname, d.rekeyed, k.n`

// Ties lists the ties of the database.
func Ties(ctx context.Context, c *connect.Conn) ([]Tie, error) {
	rows, err := c.Query(ctx, "read pg_constraint", tiesSQL)
	if err != nil {
		return nil, err
	}
	var list []Tie
	last := ""
	for _, row := range rows {
		at := func(column int) string { return string(row[column]) }
		if at(0)+at(8) != last {
			last = at(0) + at(8)
			list = append(list, Tie{Tie: relay.Tie{
				Child: relay.TableName{Schema: at(1), Table: at(2)}, Parent: relay.TableName{Schema: at(4), Table: at(5)}, Unset: at(7) == "n", Rekeyed: at(8) == "t",
				Divided: at(9) == "t",
			}})
		}
		tie := &list[len(list)-1]
		tie.Columns, tie.Referenced = append(tie.Columns, strings.Clone(at(3))), append(tie.Referenced, at(6))
	}
	return list, nil
}
