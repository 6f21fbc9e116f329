package compare

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/go-mysql-org/go-mysql/client"
	"github.com/go-mysql-org/go-mysql/mysql"

	"github.com/octant-db/octant/relay"
)

// Reader reads the tables of one server. It connects when it is first asked. Its methods may be called from several goroutines; they wait for
// each other.
type Reader struct {
	config Config

	tables sync.Map // of *table, by name

	mu        sync.Mutex // guards what is below, for as long as a statement runs
	conn      *client.Conn
	described map[*table]*relay.Table // as the log describes them
}

var _ relay.TableReader = (*Reader)(nil)

// New returns a reader that is not connected yet.
func New(c Config) *Reader { return &Reader{config: c} }

// Close ends the connection. The reader may still be used.
func (r *Reader) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.conn == nil {
		return nil
	}
	err := r.conn.Close()
	r.conn = nil
	return err
}

// columnsSQL lists all columns of a condition's tables in order. Generated columns are compared, but cannot be written.
const columnsSQL = `SELECT c.TABLE_SCHEMA, c.TABLE_NAME, t.TABLE_TYPE, c.COLUMN_NAME, LOWER(c.DATA_TYPE), c.COLUMN_TYPE,
 IFNULL(c.CHARACTER_SET_NAME,''), IFNULL(c.COLLATION_NAME,''), c.IS_NULLABLE='YES', IFNULL(c.GENERATION_EXPRESSION,'')<>'', IFNULL(k.SEQ_IN_INDEX,0)
 FROM information_schema.COLUMNS c JOIN information_schema.TABLES t ON t.TABLE_SCHEMA=c.TABLE_SCHEMA AND t.TABLE_NAME=c.TABLE_NAME
 LEFT JOIN information_schema.STATISTICS k ON k.TABLE_SCHEMA=c.TABLE_SCHEMA AND k.TABLE_NAME=c.TABLE_NAME AND k.COLUMN_NAME=c.COLUMN_NAME
 AND k.INDEX_NAME='PRIMARY' WHERE t.TABLE_TYPE IN ('BASE TABLE','SYSTEM VERSIONED') AND %s ORDER BY c.TABLE_SCHEMA, c.TABLE_NAME, c.ORDINAL_POSITION`

// Tables implements relay.TableReader.
func (r *Reader) Tables(ctx context.Context) ([]relay.ComparedTable, error) {
	var list []relay.ComparedTable
	err := r.withSession(ctx, func(conn *client.Conn) error {
		tables, err := r.read(conn, "c.TABLE_SCHEMA NOT IN ('mysql','information_schema','performance_schema','sys','octant')")
		if err != nil {
			return err
		}
		r.tables.Clear()
		list = list[:0]
		for _, t := range tables {
			if r.config.Match(t.schema, t.name) {
				list = append(list, t.compared())
				r.tables.Store(t.String(), t)
			}
		}
		return nil
	})
	return list, err
}

func (r *Reader) read(conn *client.Conn, where string) ([]*table, error) {
	var list []*table
	err := query(conn, "read definitions of tables", fmt.Sprintf(columnsSQL, where), func(f []mysql.FieldValue) error {
		cell := func(i int) string { return string(f[i].AsString()) }
		if n := len(list); n == 0 || list[n-1].schema != cell(0) || list[n-1].name != cell(1) {
			list = append(list, &table{schema: cell(0), name: cell(1), kind: cell(2), hash: hashOf(conn.GetServerVersion())})
		}
		t := list[len(list)-1]
		t.columns = append(t.columns, column{
			name: cell(3), kind: cell(4), typ: cell(5), charset: cell(6), collation: cell(7),
			nullable: number(f[8]) == 1, generated: number(f[9]) == 1, key: int(number(f[10])),
		})
		return nil
	})
	for _, t := range list {
		t.finish()
	}
	return list, err
}

func hashOf(version string) hash {
	if strings.Contains(version, "MariaDB") {
		return md5
	}
	return sha2
}

// number reads a cell that holds a small number, of whatever type.
func number(f mysql.FieldValue) int64 {
	n, err := strconv.ParseInt(string(appendCell(nil, &f)), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// with lends the connection and a table's definition.
func (r *Reader) with(ctx context.Context, name string, use func(*client.Conn, *table) error) error {
	return r.withSession(ctx, func(conn *client.Conn) error {
		t, err := r.definition(conn, name)
		if err != nil {
			return err
		}
		if p := t.compared().Problem; p != "" {
			return answerf("table %s cannot be compared: %s", name, p)
		}
		if err = use(conn, t); err != nil {
			r.tables.Delete(name) // perhaps its definition has changed
		}
		return err
	})
}

// definition reads a table's definition, if it is not known.
func (r *Reader) definition(conn *client.Conn, name string) (*table, error) {
	if t, known := r.tables.Load(name); known {
		return t.(*table), nil
	}
	schema, table, _ := strings.Cut(name, ".")
	if !r.config.Match(schema, table) {
		return nil, answerf("table %s is not replicated", name)
	}
	list, err := r.read(conn, fmt.Sprintf("c.TABLE_SCHEMA=%s AND c.TABLE_NAME=%s", quote(schema), quote(table)))
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, answerf("table %s is missing", name)
	}
	r.tables.Store(name, list[0])
	return list[0], nil
}

func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// Bound implements relay.TableReader.
func (r *Reader) Bound(ctx context.Context, name string, after relay.RowKey, rows int) (key relay.RowKey, err error) {
	err = r.with(ctx, name, func(conn *client.Conn, t *table) error {
		where, err := t.span(relay.Span{After: after})
		if err != nil {
			return answerf("%w", err)
		}
		text := fmt.Sprintf("SELECT %s%s%s%s LIMIT 1 OFFSET %d", t.keyValues(), t.from(), where, t.order(), max(rows, 1)-1)
		key = ""
		return query(conn, "find the end of a chunk", text, func(f []mysql.FieldValue) error {
			key = keyOf(f)
			return nil
		})
	})
	return key, err
}

// keyOf makes a key of cells.
func keyOf(cells []mysql.FieldValue) relay.RowKey {
	values := make([][]byte, len(cells))
	for i := range cells {
		values[i] = appendCell(nil, &cells[i])
	}
	return relay.NewRowKey(values)
}

// appendCell appends a cell's text as the server sent it.
func appendCell(b []byte, f *mysql.FieldValue) []byte {
	switch f.Type {
	case mysql.FieldValueTypeUnsigned:
		return strconv.AppendUint(b, f.AsUint64(), 10)
	case mysql.FieldValueTypeSigned:
		return strconv.AppendInt(b, f.AsInt64(), 10)
	case mysql.FieldValueTypeFloat:
		return strconv.AppendFloat(b, f.AsFloat64(), 'g', -1, 64)
	}
	return append(b, f.AsString()...)
}

// Digest implements relay.TableReader.
func (r *Reader) Digest(ctx context.Context, name string, s relay.Span) (d relay.SpanDigest, err error) {
	err = r.with(ctx, name, func(conn *client.Conn, t *table) error {
		where, err := t.span(s)
		if err != nil {
			return answerf("%w", err)
		}
		return query(conn, "digest a chunk", spanSQL(t.digest(), t.from()+where), func(f []mysql.FieldValue) error {
			d, err = spanDigest(f)
			return err
		})
	})
	return d, err
}

// Rows implements relay.TableReader.
func (r *Reader) Rows(ctx context.Context, name string, s relay.Span) (list []relay.RowDigest, err error) {
	err = r.with(ctx, name, func(conn *client.Conn, t *table) error {
		where, err := t.span(s)
		if err != nil {
			return answerf("%w", err)
		}
		list = list[:0]
		text := "SELECT " + t.digest() + "," + t.keyValues() + t.from() + where + t.order()
		return query(conn, "digest rows", text, func(f []mysql.FieldValue) error {
			d, err := rowDigest(f)
			list = append(list, d)
			return err
		})
	})
	return list, err
}

// rowDigest reads a digest and the values of the key behind it.
func rowDigest(f []mysql.FieldValue) (relay.RowDigest, error) {
	sum, err := relay.ParseSum(string(f[0].AsString()))
	if err != nil {
		return relay.RowDigest{}, answerf("%w: is a row larger than max_allowed_packet?", err)
	}
	return relay.RowDigest{Key: keyOf(f[1:]), Sum: sum}, nil
}

// findRows is how many rows one statement looks for.
const findRows = 50

// Find implements relay.TableReader.
func (r *Reader) Find(ctx context.Context, name string, keys []relay.RowKey) (list []*relay.RowDigest, err error) {
	err = r.with(ctx, name, func(conn *client.Conn, t *table) error {
		list = make([]*relay.RowDigest, len(keys))
		for from := 0; from < len(keys); from += findRows {
			to := min(from+findRows, len(keys))
			if err := t.find(conn, keys[from:to], list[from:to]); err != nil {
				return err
			}
		}
		return nil
	})
	return list, err
}

func (t *table) find(conn *client.Conn, keys []relay.RowKey, list []*relay.RowDigest) error {
	parts := make([]string, len(keys))
	for i, key := range keys {
		at, err := t.at(key)
		if err != nil {
			return answerf("%w", err)
		}
		parts[i] = fmt.Sprintf("(SELECT %d AS n,%s AS m,%s%s WHERE %s)", i, t.digest(), t.keyValues(), t.from(), at)
	}
	return query(conn, "digest rows", strings.Join(parts, " UNION ALL "), func(f []mysql.FieldValue) error {
		d, err := rowDigest(f[1:])
		list[number(f[0])] = &d
		return err
	})
}

// Columns implements relay.TableReader.
func (r *Reader) Columns(ctx context.Context, name string, key relay.RowKey) (list []relay.ColumnValue, err error) {
	err = r.with(ctx, name, func(conn *client.Conn, t *table) error {
		at, err := t.at(key)
		if err != nil {
			return answerf("%w", err)
		}
		values := make([]string, len(t.columns))
		for i := range t.columns {
			values[i] = t.columns[i].value()
		}
		list = nil
		text := "SELECT " + strings.Join(values, ",") + t.from() + " WHERE " + at
		return query(conn, "read a row", text, func(f []mysql.FieldValue) error {
			list = make([]relay.ColumnValue, len(f))
			for i := range f {
				list[i] = relay.ColumnValue{Name: t.columns[i].name, Key: t.columns[i].key > 0}
				if f[i].Value() != nil {
					list[i].Value = appendCell([]byte{}, &f[i])
				}
			}
			return nil
		})
	})
	return list, err
}
