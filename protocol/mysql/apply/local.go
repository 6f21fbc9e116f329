package apply

import (
	"context"
	"errors"
	"fmt"

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
	native, err := t.describe(schema, name, local)
	if err == nil {
		var s *binlog.Schema
		if s, err = t.schemas.Get(native); err == nil {
			return &values.Local{Table: s.Table, Unique: local.uniqueColumns()}, nil
		}
	}
	return nil, &relay.TableError{Table: schema + "." + name, Reason: err.Error()}
}

func (t *Target) describe(schema, name string, local *localTable) ([]byte, error) {
	d := binlog.Definition{Flavour: binlog.Flavour, Schema: schema, Name: name}
	if t.config.Flavour == binlog.MySQL {
		d.Flavour = binlog.MySQL
	}
	for i := range local.columns {
		c := &local.columns[i]
		if c.generated {
			return nil, fmt.Errorf("column %s is generated, and rows of other engines do not have it: exclude the table, or make it an ordinary column", c.name)
		}
		d.Columns = append(d.Columns, binlog.DefinedColumn{
			Name: c.name, Type: c.typ, Collation: c.collation, Labels: c.labels, Nullable: c.nullable, Invisible: c.invisible,
		})
	}
	for _, part := range local.primary {
		d.Key = append(d.Key, relay.KeyPart{Column: part.column, Prefix: part.prefix})
	}
	if local.computed != "" {
		return nil, errors.New("its unique index " + local.computed + " is on an expression: put the index on a column")
	}
	return d.Native()
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
