package apply

import (
	"context"
	"fmt"
	"strings"

	"github.com/octant-db/octant/protocol/mysql/ddl"
	"github.com/octant-db/octant/relay"
)

// wideEffect compares a column whose type a statement changes with what it is here. Only where it becomes wider, and nothing else of it changes that rows have to meet,
// can rows that are on their way with the former type still be written.
func (t *Target) wideEffect(ctx context.Context, s *session, e ddl.Effect) (stands bool, left string, err error) {
	rs, err := s.query(ctx, "look for what a definition does", fmt.Sprintf(`SELECT LOWER(c.column_type), c.is_nullable, IFNULL(c.collation_name, ''), IFNULL(t.table_collation, ''),
 c.extra LIKE '%%auto_increment%%', %s FROM information_schema.columns c JOIN information_schema.tables t USING (table_schema, table_name)
 WHERE c.table_schema=%s AND c.table_name=%s AND c.column_name=%s`, t.dialect.catalog().generated, quote(e.On.Schema), quote(e.On.Table), quote(e.Object)))
	if err != nil {
		return false, "", err
	}
	column := "column " + e.Object
	if len(rs[0].Values) == 0 {
		return false, column + " is not here", nil
	}
	typ, nullable, collation, usual := text(rs[0], 0, 0), text(rs[0], 0, 1) == "YES", text(rs[0], 0, 2), text(rs[0], 0, 3)
	c := e.Column
	if c.Collation != "" {
		usual = c.Collation
	}
	switch {
	case rs[0].Values[0][5].AsUint64() == 1 || c.AutoIncrement != (rs[0].Values[0][4].AsUint64() == 1):
		return false, column + " has values that are computed, or would have: run it everywhere while nobody writes to the table", nil
	case c.NotNull && nullable:
		return false, column + " may be NULL here, and rows that are on their way too: stop writing to the table, run it everywhere, and go on", nil
	case c.Text() && (c.Charset && c.Collation == "" || !strings.EqualFold(usual, collation)):
		return false, column + " has collation " + collation + " here, and would have another one: say COLLATE " + collation, nil
	case ddl.SameType(typ, c.Type):
		return c.NotNull || nullable, "", nil
	case !ddl.Widens(typ, c.Type):
		return false, fmt.Sprintf("column %s is %s here and would be %s, which does not hold all of its values as they are: stop writing to the table, run it everywhere, and go on",
			e.Object, typ, c.Type), nil
	}
	return false, "", nil
}

// Widened returns a table as its rows would come if columns that are wider here had been so where the rows were written; nil: none are. Then rows are
// brought into that form, because the log's own form of a row fits one type alone.
func (t *Target) Widened(ctx context.Context, table *relay.Table) (*relay.Table, error) {
	k, err := t.table(ctx, table)
	if err != nil || !k.wider {
		return nil, err
	}
	part := *k.local
	part.columns = part.columns[:len(table.Columns)]
	return t.describe(table.Schema, table.Name, &part)
}

// wider tells whether a table differs from the local one in nothing but columns that are wider here.
func wider(t *relay.Table, l *localTable) bool {
	if len(t.Columns) > len(l.columns) {
		return false
	}
	as, differs := *t, false
	as.Columns = append([]relay.Column(nil), t.Columns...)
	for i := range as.Columns {
		if c := &as.Columns[i]; ddl.Widens(c.Type, l.columns[i].typ) {
			c.Type, differs = l.columns[i].typ, true
		}
	}
	return differs && compare(&as, l) == nil
}
