package capture

import (
	"context"
	"slices"
	"strings"

	"github.com/octant-db/octant/protocol/postgres/connect"
	"github.com/octant-db/octant/protocol/postgres/ddl"
)

// triggers tells the event triggers, if there are any, what is published, and learns by what their messages are known.
func (p *publication) triggers(ctx context.Context) error {
	rows, err := p.control.Query(ctx, "look for event triggers", `SELECT coalesce(pg_catalog.has_table_privilege(pg_catalog.to_regclass('octant_definitions.seal')::oid, 'SELECT')
 AND pg_catalog.has_table_privilege(pg_catalog.to_regclass('octant_definitions.published')::oid, 'SELECT, INSERT, DELETE'), false)`)
	if err != nil {
		return err
	}
	p.seal = ""
	if string(rows[0][0]) != "t" {
		return nil
	}
	if rows, err = p.control.Query(ctx, "read the event triggers' seal", "SELECT seal FROM octant_definitions.seal"); err != nil {
		return err
	}
	if len(rows) > 0 {
		p.seal = string(rows[0][0])
	}
	return p.tell(ctx)
}

// tell writes the patterns down by which new tables are published.
func (p *publication) tell(ctx context.Context) error {
	rows, err := p.control.Query(ctx, "read what event triggers publish", `SELECT of_schema, of_table, excluded FROM octant_definitions.published WHERE publication = $1
 ORDER BY of_schema, of_table, excluded`, p.source.config.Publication)
	if err != nil {
		return err
	}
	var have, want []string
	for _, row := range rows {
		have = append(have, connect.Literal(string(row[0]))+", "+connect.Literal(string(row[1]))+", "+connect.Literal(string(row[2])))
	}
	for _, t := range p.source.config.Tables {
		want = append(want, connect.Literal(like(t.Schema))+", "+connect.Literal(like(t.Table))+", "+connect.Literal(map[bool]string{true: "t", false: "f"}[t.Excluded]))
	}
	slices.Sort(have)
	slices.Sort(want)
	want = slices.Compact(want)
	if slices.Equal(have, want) {
		return nil
	}
	name := connect.Literal(p.source.config.Publication)
	sql := "BEGIN; DELETE FROM octant_definitions.published WHERE publication = " + name
	for _, pattern := range want {
		sql += "; INSERT INTO octant_definitions.published (publication, of_schema, of_table, excluded) VALUES (" + name + ", " + pattern + ")"
	}
	if err := p.control.Run(ctx, "tell event triggers what is published", sql+"; COMMIT"); err != nil {
		_ = p.control.Run(ctx, "roll back", "ROLLBACK")
		return err
	}
	return nil
}

// like is a glob as a pattern of LIKE.
func like(glob string) string {
	return strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`, "*", "%").Replace(glob)
}

// genuine tells whether a message is from the event triggers. They may have been made just now.
func (p *publication) genuine(ctx context.Context, content []byte) (bool, error) {
	if ddl.Genuine(content, p.seal) {
		return true, nil
	}
	if err := p.triggers(ctx); err != nil {
		return false, err
	}
	return ddl.Genuine(content, p.seal), nil
}
