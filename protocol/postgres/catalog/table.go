package catalog

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/octant-db/octant/protocol/postgres/connect"
	"github.com/octant-db/octant/protocol/postgres/logical"
)

// ErrMissing says that there is no such table, or none that the user may see.
var ErrMissing = errors.New("the table is missing here")

// Table is a table of the local database, as it is now.
type Table struct {
	logical.Description
	OID       uint32
	Kind      string            // pg_class.relkind
	Identity  byte              // replica identity: d default, n nothing, f full, i index
	Unlogged  bool              // it has no rows in the log
	Always    map[int]bool      // identity columns GENERATED ALWAYS
	Types     []string          // the columns' types without their modifiers, as a cast names them
	Attribute map[int16]int     // a column's place by its attribute number
	Unique    []UniqueIndex     // besides the primary key
	Collation map[string]string // by column: its nondeterministic collation
	RLS       bool
	Optional  []bool   // by column: rows that come without it have NULL or a constant there
	All       []string // names of all columns, generated ones too
}

// UniqueIndex is a unique index on columns, for all rows, without a primary key's.
type UniqueIndex struct {
	Name          string
	Columns       []int
	NullsNotEqual bool // the default: rows with a NULL in it do not exclude each other
}

const classSQL = `SELECT c.oid, c.relkind, c.relreplident, c.relpersistence, c.relrowsecurity AND c.relforcerowsecurity
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = $2`

// constant is what the default of a column looks like that is the same whenever and wherever it is asked for: a literal, with casts.
const constant = `^\(?('([^']|'')*'|-?[0-9][0-9.e+-]*|true|false|NULL)\)?(::("([^"]|"")*"|[]a-z0-9_. ,()[])+)?$`

// columnsSQL reads the columns. Generated ones are not in the log.
const columnsSQL = `SELECT a.attname, a.attnum, a.atttypid, a.atttypmod, a.attidentity, pg_catalog.format_type(a.atttypid, -1),
  a.attgenerated <> '', a.attidentity = '' AND t.typtype <> 'd' AND CASE WHEN d.oid IS NULL THEN NOT a.attnotnull
    ELSE pg_catalog.pg_get_expr(d.adbin, d.adrelid) ~ $2 END,
  CASE WHEN l.collisdeterministic THEN '' ELSE coalesce(pg_catalog.quote_ident(ln.nspname) || '.' || pg_catalog.quote_ident(l.collname), '') END
FROM pg_catalog.pg_attribute a LEFT JOIN pg_catalog.pg_collation l ON l.oid = a.attcollation
LEFT JOIN pg_catalog.pg_namespace ln ON ln.oid = l.collnamespace
LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`

// indexesSQL leaves out partial indexes: rows outside of them may share values. to_jsonb lets it ask for a column that PostgreSQL 14 lacks.
const indexesSQL = `SELECT c.relname, i.indisprimary, i.indkey, i.indnkeyatts,
  coalesce(pg_catalog.to_jsonb(i) ->> 'indnullsnotdistinct', 'false')
FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
WHERE i.indrelid = $1 AND i.indisunique AND i.indislive AND i.indpred IS NULL ORDER BY c.relname`

// Read describes a table of the local database; ErrMissing if there is none.
func Read(ctx context.Context, c *connect.Conn, schema, name string) (*Table, error) {
	rows, err := c.Query(ctx, "read pg_class", classSQL, schema, name)
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		return nil, fmt.Errorf("%s.%s: %w", schema, name, ErrMissing)
	}
	oid, err := strconv.ParseUint(string(rows[0][0]), 10, 32)
	if err != nil {
		return nil, fmt.Errorf("read pg_class: %w", err)
	}
	t := &Table{
		Description: logical.Description{Schema: schema, Name: name}, OID: uint32(oid), Kind: string(rows[0][1]),
		Identity: rows[0][2][0], Unlogged: string(rows[0][3]) != "p", RLS: string(rows[0][4]) == "t",
		Always: map[int]bool{}, Attribute: map[int16]int{}, Collation: map[string]string{},
	}
	if err := t.readColumns(ctx, c); err != nil {
		return nil, err
	}
	return t, t.readIndexes(ctx, c)
}

func (t *Table) readColumns(ctx context.Context, c *connect.Conn) error {
	all, err := c.Query(ctx, "read pg_attribute", columnsSQL, t.OID, constant)
	if err != nil {
		return err
	}
	var rows [][][]byte
	for _, row := range all {
		t.All = append(t.All, string(row[0]))
		if string(row[6]) == "f" {
			rows = append(rows, row)
		}
	}
	oids, modifiers := make([]uint32, len(rows)), make([]int32, len(rows))
	for i, row := range rows {
		number, _ := strconv.ParseInt(string(row[1]), 10, 16)
		typ, _ := strconv.ParseUint(string(row[2]), 10, 32)
		modifier, _ := strconv.ParseInt(string(row[3]), 10, 32)
		oids[i], modifiers[i] = uint32(typ), int32(modifier)
		t.Attribute[int16(number)] = i
		t.Always[i] = string(row[4]) == "a"
		t.Types = append(t.Types, string(row[5]))
		t.Optional = append(t.Optional, string(row[7]) == "t")
	}
	if t.Columns, err = Types(ctx, c, oids, modifiers); err != nil {
		return err
	}
	for i, row := range rows {
		t.Columns[i].Name, t.Columns[i].Collation = string(row[0]), string(row[8])
		t.Collation[t.Columns[i].Name] = t.Columns[i].Collation
	}
	return nil
}

func (t *Table) readIndexes(ctx context.Context, c *connect.Conn) error {
	rows, err := c.Query(ctx, "read pg_index", indexesSQL, t.OID)
	if err != nil {
		return err
	}
	for _, row := range rows {
		columns, ok := t.places(string(row[2]), string(row[3]))
		switch {
		case string(row[1]) == "t" && ok:
			t.Key = columns
		case string(row[1]) == "f" && ok:
			t.Unique = append(t.Unique, UniqueIndex{Name: string(row[0]), Columns: columns, NullsNotEqual: string(row[4]) == "false"})
		}
	}
	return nil
}

// places turns an indkey into columns. False: it is on an expression or a generated column.
func (t *Table) places(indkey, count string) ([]int, bool) {
	words := strings.Fields(indkey)
	n, err := strconv.Atoi(count)
	if err != nil || n > len(words) {
		return nil, false
	}
	var columns []int
	for _, word := range words[:n] {
		number, err := strconv.ParseInt(word, 10, 16)
		place, ok := t.Attribute[int16(number)]
		if err != nil || !ok {
			return nil, false
		}
		columns = append(columns, place)
	}
	return columns, true
}
