package compare

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/octant-db/octant/protocol/postgres/catalog"
	"github.com/octant-db/octant/protocol/postgres/connect"
	"github.com/octant-db/octant/protocol/postgres/logical"
	"github.com/octant-db/octant/relay"
)

// tablesSQL leaves out partitions: the log has their rows as those of the table that they are of, and other regions may have others.
const tablesSQL = `SELECT n.nspname, c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'octant') AND n.nspname !~ '^pg_' ORDER BY 1, 2`

// Tables implements relay.TableReader.
func (r *Reader) Tables(ctx context.Context) ([]relay.ComparedTable, error) {
	var list []relay.ComparedTable
	err := r.withSession(ctx, func(c *connect.Conn) error {
		rows, err := c.Query(ctx, "list tables", tablesSQL)
		if err != nil {
			return err
		}
		list = list[:0]
		clear(r.tables)
		for _, row := range rows {
			schema, name := string(row[0]), string(row[1])
			if !r.config.Match(schema, name) {
				continue
			}
			t, err := catalog.Read(ctx, c, schema, name)
			if errors.Is(err, catalog.ErrMissing) { // dropped meanwhile
				continue
			}
			if err != nil {
				return err
			}
			r.tables[schema+"."+name] = t
			list = append(list, compared(t))
		}
		return nil
	})
	return list, err
}

// with lends the connection and a table's definition.
func (r *Reader) with(ctx context.Context, name string, use func(*connect.Conn, *catalog.Table) error) error {
	return r.withSession(ctx, func(c *connect.Conn) error {
		t, err := r.definition(ctx, c, name)
		if err != nil {
			return err
		}
		if p := compared(t).Problem; p != "" {
			return fmt.Errorf("table %s cannot be compared: %s", name, p)
		}
		if err = use(c, t); err != nil {
			delete(r.tables, name) // perhaps its definition has changed
		}
		return err
	})
}

// definition reads a table's definition, if it is not known.
func (r *Reader) definition(ctx context.Context, c *connect.Conn, name string) (*catalog.Table, error) {
	if t := r.tables[name]; t != nil {
		return t, nil
	}
	schema, table, _ := strings.Cut(name, ".")
	if !r.config.Match(schema, table) {
		return nil, fmt.Errorf("table %s is not replicated", name)
	}
	t, err := catalog.Read(ctx, c, schema, table)
	if err == nil {
		r.tables[name] = t
	}
	return t, err
}

// Bound implements relay.TableReader.
func (r *Reader) Bound(ctx context.Context, name string, after relay.RowKey, rows int) (key relay.RowKey, err error) {
	err = r.with(ctx, name, func(c *connect.Conn, t *catalog.Table) error {
		condition, err := where(t, relay.Span{After: after})
		if err != nil {
			return err
		}
		key = ""
		found, err := c.Query(ctx, "find the end of a chunk", fmt.Sprintf("SELECT %s%s%s ORDER BY %s LIMIT 1 OFFSET %d",
			keyColumns(t), from(t), condition, keyColumns(t), max(rows, 1)-1))
		if err == nil && len(found) > 0 {
			key = relay.NewRowKey(found[0])
		}
		return err
	})
	return key, err
}

// Digest implements relay.TableReader.
func (r *Reader) Digest(ctx context.Context, name string, s relay.Span) (d relay.SpanDigest, err error) {
	err = r.with(ctx, name, func(c *connect.Conn, t *catalog.Table) error {
		condition, err := where(t, s)
		if err != nil {
			return err
		}
		rows, err := c.Query(ctx, "digest a chunk", spanSQL(digest(t), from(t)+condition))
		if err != nil {
			return err
		}
		d, err = parseDigest(rows[0])
		return err
	})
	return d, err
}

// spanSQL digests rows whose digests, of which 32 digits count, are an expression.
func spanSQL(digest, from string) string {
	return `SELECT count(*), coalesce(bit_xor(('x' || left(m, 16))::bit(64)), 0::bit(64)),
coalesce(bit_xor(('x' || substr(m, 17, 16))::bit(64)), 0::bit(64)) FROM (SELECT ` + digest + " AS m" + from + ") AS chunk"
}

func parseDigest(cells [][]byte) (d relay.SpanDigest, err error) {
	if d.Rows, err = strconv.ParseUint(string(cells[0]), 10, 64); err != nil {
		return d, fmt.Errorf("read digest: %w", err)
	}
	for i, half := range [][]byte{d.Sum[:8], d.Sum[8:]} {
		n, err := strconv.ParseUint(string(cells[i+1]), 2, 64)
		if err != nil {
			return d, fmt.Errorf("read digest: %w", err)
		}
		binary.BigEndian.PutUint64(half, n)
	}
	return d, nil
}

// Rows implements relay.TableReader.
func (r *Reader) Rows(ctx context.Context, name string, s relay.Span) (list []relay.RowDigest, err error) {
	err = r.with(ctx, name, func(c *connect.Conn, t *catalog.Table) error {
		condition, err := where(t, s)
		if err != nil {
			return err
		}
		rows, err := c.Query(ctx, "digest rows", "SELECT "+digest(t)+", "+keyColumns(t)+from(t)+condition+" ORDER BY "+keyColumns(t))
		if err != nil {
			return err
		}
		list = make([]relay.RowDigest, len(rows))
		for i, row := range rows {
			if list[i], err = rowDigest(row); err != nil {
				return err
			}
		}
		return nil
	})
	return list, err
}

// rowDigest reads a digest and the values of the key behind it.
func rowDigest(cells [][]byte) (relay.RowDigest, error) {
	sum, err := relay.ParseSum(string(cells[0]))
	return relay.RowDigest{Key: relay.NewRowKey(cells[1:]), Sum: sum}, err
}

// findRows is how many rows one statement looks for.
const findRows = 50

// Find implements relay.TableReader.
func (r *Reader) Find(ctx context.Context, name string, keys []relay.RowKey) (list []*relay.RowDigest, err error) {
	err = r.with(ctx, name, func(c *connect.Conn, t *catalog.Table) error {
		list = make([]*relay.RowDigest, len(keys))
		for first := 0; first < len(keys); first += findRows {
			last := min(first+findRows, len(keys))
			if err := find(ctx, c, t, keys[first:last], list[first:last]); err != nil {
				return err
			}
		}
		return nil
	})
	return list, err
}

func find(ctx context.Context, c *connect.Conn, t *catalog.Table, keys []relay.RowKey, list []*relay.RowDigest) error {
	parts := make([]string, len(keys))
	for i, key := range keys {
		condition, err := at(t, key)
		if err != nil {
			return err
		}
		parts[i] = fmt.Sprintf("(SELECT %d, %s, %s%s WHERE %s)", i, digest(t), keyColumns(t), from(t), condition)
	}
	rows, err := c.Query(ctx, "digest rows", strings.Join(parts, " UNION ALL "))
	if err != nil {
		return err
	}
	for _, row := range rows {
		n, err := strconv.Atoi(string(row[0]))
		if err != nil || n >= len(list) {
			return errors.New("digest rows: the answer is about another row")
		}
		d, err := rowDigest(row[1:])
		if err != nil {
			return err
		}
		list[n] = &d
	}
	return nil
}

// Columns implements relay.TableReader.
func (r *Reader) Columns(ctx context.Context, name string, key relay.RowKey) (list []relay.ColumnValue, err error) {
	err = r.with(ctx, name, func(c *connect.Conn, t *catalog.Table) error {
		condition, err := at(t, key)
		if err != nil {
			return err
		}
		list = nil
		rows, err := c.Query(ctx, "read a row", "SELECT "+allColumns(t)+from(t)+" WHERE "+condition)
		if err != nil || len(rows) == 0 {
			return err
		}
		list = make([]relay.ColumnValue, len(rows[0]))
		for i, v := range rows[0] {
			list[i] = relay.ColumnValue{Name: t.Columns[i].Name, Value: v}
		}
		for _, k := range t.Key {
			list[k].Key = true
		}
		return nil
	})
	return list, err
}

// Key implements relay.TableReader: an image has the same texts that the database answers with. One of another engine does not say which row it is of.
func (r *Reader) Key(t *relay.Table, img relay.Image) (relay.RowKey, error) {
	if t.Flavour != logical.Flavour {
		return "", nil
	}
	cells, err := logical.Cells(make([]logical.Cell, 0, len(t.Columns)), img, len(t.Columns))
	if err != nil {
		return "", err
	}
	values := make([][]byte, len(t.Key))
	for i, part := range t.Key {
		values[i] = cells[part.Column].Text
	}
	return relay.NewRowKey(values), nil
}
