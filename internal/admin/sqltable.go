package admin

import (
	"io"
	"iter"
	"strings"

	"github.com/dolthub/go-mysql-server/sql"
	"github.com/dolthub/go-mysql-server/sql/types"
	"github.com/dolthub/vitess/go/sqltypes"
)

// provider, schema and relation are the catalog that the SQL engine sees.
type provider struct{ databases []*schema }

func newProvider(e *Engine) *provider {
	return &provider{[]*schema{{e, database, tables}, {e, performance, performanceTables}}}
}

func (p *provider) find(name string) *schema {
	for _, s := range p.databases {
		if strings.EqualFold(name, s.name) {
			return s
		}
	}
	return nil
}

// Database implements sql.DatabaseProvider.
func (p *provider) Database(_ *sql.Context, name string) (sql.Database, error) {
	if s := p.find(name); s != nil {
		return s, nil
	}
	return nil, sql.ErrDatabaseNotFound.New(name)
}

// HasDatabase implements sql.DatabaseProvider.
func (p *provider) HasDatabase(_ *sql.Context, name string) bool {
	return p.find(name) != nil
}

// AllDatabases implements sql.DatabaseProvider.
func (p *provider) AllDatabases(*sql.Context) []sql.Database {
	list := make([]sql.Database, len(p.databases))
	for i, s := range p.databases {
		list[i] = s
	}
	return list
}

type schema struct {
	e      *Engine
	name   string
	tables []table
}

// Name implements sql.Database.
func (s *schema) Name() string { return s.name }

// IsReadOnly implements sql.ReadOnlyDatabase.
func (*schema) IsReadOnly() bool { return true }

// GetTableInsensitive implements sql.Database.
func (s *schema) GetTableInsensitive(_ *sql.Context, name string) (sql.Table, bool, error) {
	for _, t := range s.tables {
		if strings.EqualFold(t.name, name) {
			return &relation{table: t, e: s.e, database: s.name}, true, nil
		}
	}
	return nil, false, nil
}

// GetTableNames implements sql.Database.
func (s *schema) GetTableNames(*sql.Context) ([]string, error) {
	names := make([]string, len(s.tables))
	for i, t := range s.tables {
		names[i] = t.name
	}
	return names, nil
}

type relation struct {
	table
	e        *Engine
	database string
}

// Name implements sql.Table.
func (r *relation) Name() string { return r.name }

// String implements sql.Table.
func (r *relation) String() string { return r.name }

// Collation implements sql.Table.
func (*relation) Collation() sql.CollationID { return sql.Collation_Default }

// engineTypes are the SQL types of our kinds of columns.
var engineTypes = map[columnKind]sql.Type{
	textColumn:    types.MustCreateString(sqltypes.VarChar, 1024, sql.Collation_Default),
	intColumn:     types.Int64,
	naturalColumn: types.Uint64,
	timeColumn:    types.MustCreateDatetimeType(sqltypes.Datetime, 3),
	longColumn:    types.LongText,
}

// Schema implements sql.Table.
func (r *relation) Schema() sql.Schema {
	s := make(sql.Schema, len(r.columns))
	for i, c := range r.columns {
		s[i] = &sql.Column{
			Name: c.name, Type: engineTypes[c.kind], Source: r.name, DatabaseSource: r.database,
			Nullable: c.name != r.key, PrimaryKey: c.name == r.key,
		}
	}
	return s
}

// Partitions implements sql.Table: there is one.
func (*relation) Partitions(*sql.Context) (sql.PartitionIter, error) {
	return sql.PartitionsToPartitionIter(whole{}), nil
}

type whole struct{}

// Key implements sql.Partition.
func (whole) Key() []byte { return []byte{0} }

// PartitionRows implements sql.Table.
func (r *relation) PartitionRows(ctx *sql.Context, _ sql.Partition) (sql.RowIter, error) {
	next, stop := iter.Pull2(r.rows(ctx, r.e))
	return &pulled{next, stop}, nil
}

// pulled is a sequence of rows as the SQL engine reads them.
type pulled struct {
	next func() ([]any, error, bool)
	stop func()
}

// Next implements sql.RowIter.
func (p *pulled) Next(ctx *sql.Context) (sql.Row, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	row, err, ok := p.next()
	if !ok {
		return nil, io.EOF
	}
	return row, err
}

// Close implements sql.RowIter.
func (p *pulled) Close(*sql.Context) error {
	p.stop()
	return nil
}
