package catalog

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/octant-db/octant/protocol/postgres/connect"
	"github.com/octant-db/octant/protocol/postgres/logical"
)

// typesSQL describes types, domains by what is below them. $1: oids, $2: modifiers.
const typesSQL = `WITH RECURSIVE c AS (
  SELECT * FROM unnest($1::oid[], $2::int4[]) WITH ORDINALITY AS c(typ, mod, n)
), b(n, oid, typtype, typbasetype) AS (
  SELECT c.n, t.oid, t.typtype, t.typbasetype FROM c JOIN pg_catalog.pg_type t ON t.oid = c.typ
  UNION ALL
  SELECT b.n, t.oid, t.typtype, t.typbasetype FROM b JOIN pg_catalog.pg_type t ON t.oid = b.typbasetype WHERE b.typtype = 'd'
)
SELECT pg_catalog.format_type(c.typ, c.mod), b.oid, b.typtype,
  coalesce((SELECT pg_catalog.string_agg(pg_catalog.encode(pg_catalog.convert_to(e.enumlabel, 'UTF8'), 'hex'), ' ' ORDER BY e.enumsortorder)
    FROM pg_catalog.pg_enum e WHERE e.enumtypid = b.oid), '')
FROM c LEFT JOIN b ON b.n = c.n AND b.typtype <> 'd' ORDER BY c.n`

// Types returns a column's type, form and labels for each oid and modifier. A type that is no longer there has a name that no
// type has, and no form.
func Types(ctx context.Context, c *connect.Conn, oids []uint32, modifiers []int32) ([]logical.Column, error) {
	rows, err := c.Query(ctx, "read pg_type", typesSQL, array(oids), array(modifiers))
	if err != nil {
		return nil, err
	}
	if len(rows) != len(oids) {
		return nil, fmt.Errorf("read pg_type: %d types for %d columns", len(rows), len(oids))
	}
	columns := make([]logical.Column, len(rows))
	for i, row := range rows {
		base, err := strconv.ParseUint(string(row[1]), 10, 32)
		if err != nil { // it was dropped after what is read now was logged
			columns[i] = logical.Column{Type: fmt.Sprintf("dropped type %d", oids[i])}
			continue
		}
		isEnum := string(row[2]) == "e"
		columns[i] = logical.Column{Type: string(row[0]), Form: logical.FormOf(uint32(base), isEnum)}
		if isEnum {
			columns[i].Labels = labels(string(row[3]))
		}
	}
	return columns, nil
}

func array[T uint32 | int32 | int](list []T) string {
	parts := make([]string, len(list))
	for i, v := range list {
		parts[i] = strconv.FormatInt(int64(v), 10)
	}
	return "{" + strings.Join(parts, ",") + "}"
}
