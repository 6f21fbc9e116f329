package catalog

import (
	"context"
	"slices"
	"strings"

	"github.com/octant-db/octant/protocol/postgres/connect"
	"github.com/octant-db/octant/relay"
)

// Tie is what a foreign key with CASCADE or SET NULL does.
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
WHERE f.contype = 'f' AND f.conparentid = 0 AND (d.action = 'c' OR d.action = 'n' AND (d.rekeyed OR pg_catalog.to_jsonb(f) ->> 'confdelsetcols' IS NULL))
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
	if !slices.ContainsFunc(list, func(t Tie) bool { return t.Alone() }) {
		return list, nil
	}
	return follow(ctx, c, list)
}

// keysSQL lists the columns of all primary and unique keys.
const keysSQL = `SELECT DISTINCT n.nspname, c.relname, a.attname
FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
WHERE i.indisunique AND a.attnum > 0 AND n.nspname NOT IN ('pg_catalog', 'pg_toast', 'information_schema')`

// follow finds out which children follow their parents to other keys in all regions. What the others do is in the log, and that is all.
func follow(ctx context.Context, c *connect.Conn, list []Tie) ([]Tie, error) {
	rows, err := c.Query(ctx, "read pg_index", keysSQL)
	if err != nil {
		return nil, err
	}
	keyed := make(map[[3]string]bool)
	for _, row := range rows {
		keyed[[3]string{string(row[0]), string(row[1]), string(row[2])}] = true
	}
	ties, referenced := make([]relay.Tie, len(list)), make([][]string, len(list))
	for i := range list {
		ties[i], referenced[i] = list[i].Tie, list[i].Referenced
	}
	follows := relay.Following(ties, referenced, func(t relay.TableName, column string) bool { return keyed[[3]string{t.Schema, t.Table, column}] })
	for i := range list {
		list[i].Follows = follows[i]
	}
	return slices.DeleteFunc(list, func(t Tie) bool { return t.Alone() }), nil
}
