package apply

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/protocol/values"
	"github.com/octant-db/octant/relay"
)

func newSchemas(f relay.Flavour) *binlog.TableCache {
	if f == binlog.MySQL {
		return binlog.NewMySQLTableCache()
	}
	return binlog.NewTableCache()
}

// Local describes a table as the database's own log would; nil: there is none. A *relay.TableError says that rows of other engines cannot be written to it.
func (t *Target) Local(ctx context.Context, schema, name string) (*values.Local, error) {
	var local *localTable
	err := t.withControl(ctx, func(s *session) (err error) {
		local, err = readTable(ctx, s, schema, name)
		return err
	})
	if err != nil || local.kind == "" {
		return nil, err
	}
	err = local.acceptsForeign()
	if err == nil {
		var table *relay.Table
		if table, err = t.describe(schema, name, local); err == nil {
			return &values.Local{Table: table, Unique: local.uniqueColumns(), Needed: local.needed(), Narrow: func(n int) (*relay.Table, error) {
				part := *local
				part.columns = part.columns[:n]
				return t.describe(schema, name, &part)
			}}, nil
		}
	}
	return nil, &relay.TableError{Table: schema + "." + name, Reason: err.Error()}
}

// needed is how many of a table's columns rows must have: those behind them can be done without.
func (l *localTable) needed() int {
	n := len(l.columns)
	for n > 0 && !slices.ContainsFunc(l.primary, func(p localPart) bool { return p.column == n-1 }) && l.indispensable(n-1) == "" {
		n--
	}
	return n
}

// acceptsForeign tells why rows of other engines cannot be written to a table.
func (l *localTable) acceptsForeign() error {
	for i := range l.columns {
		if c := &l.columns[i]; c.generated {
			return fmt.Errorf("column %s is generated, and rows of other engines do not have it: exclude the table, or make it an ordinary column", c.name)
		}
	}
	if l.computed != "" {
		return errors.New("its unique index " + l.computed + " is on an expression: put the index on a column")
	}
	return nil
}

// describe makes the description of a table that the database's log would have.
func (t *Target) describe(schema, name string, local *localTable) (*relay.Table, error) {
	d := binlog.Definition{Flavour: binlog.Flavour, Schema: schema, Name: name}
	if t.config.Flavour == binlog.MySQL {
		d.Flavour = binlog.MySQL
	}
	for i := range local.columns {
		c := &local.columns[i]
		d.Columns = append(d.Columns, binlog.DefinedColumn{
			Name: c.name, Type: c.typ, Collation: c.collation, Labels: c.labels, Nullable: c.nullable, Invisible: c.invisible,
		})
	}
	for _, part := range local.primary {
		d.Key = append(d.Key, relay.KeyPart{Column: part.column, Prefix: part.prefix})
	}
	native, err := d.Native()
	if err != nil {
		return nil, err
	}
	s, err := t.schemas.Get(native)
	if err != nil {
		return nil, err
	}
	return s.Table, nil
}

func (l *localTable) uniqueColumns() []int {
	var list []int
	for _, index := range l.unique {
		for _, part := range index.parts {
			list = append(list, part.column)
		}
	}
	return list
}
