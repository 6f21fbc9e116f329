package testenv

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
)

// table is what the oracle needs of a table's definition.
type table struct {
	database, name string
	columns        []column
}

type column struct {
	name, kind string // kind is COLUMN_TYPE with charset and collation
	key        int    // place in the primary key from 1, or 0
}

func (t table) String() string { return t.database + "." + t.name }

func (t table) like(other table) bool { return slices.Equal(t.columns, other.columns) }

// readTables reads the definitions of all base tables of the databases, by schema.table. Invisible and
// generated columns are among the columns.
func readTables(ctx context.Context, db *sql.DB, databases []string) (map[string]table, error) {
	const query = `SELECT c.TABLE_SCHEMA, c.TABLE_NAME, c.COLUMN_NAME,
			CONCAT_WS(' ', c.COLUMN_TYPE, c.CHARACTER_SET_NAME, c.COLLATION_NAME, c.IS_NULLABLE, c.GENERATION_EXPRESSION),
			COALESCE(k.SEQ_IN_INDEX, 0)
		FROM information_schema.COLUMNS c
		JOIN information_schema.TABLES t ON t.TABLE_SCHEMA = c.TABLE_SCHEMA AND t.TABLE_NAME = c.TABLE_NAME
		LEFT JOIN information_schema.STATISTICS k ON k.TABLE_SCHEMA = c.TABLE_SCHEMA AND k.TABLE_NAME = c.TABLE_NAME
			AND k.COLUMN_NAME = c.COLUMN_NAME AND k.INDEX_NAME = 'PRIMARY'
		WHERE t.TABLE_TYPE = 'BASE TABLE' AND c.TABLE_SCHEMA = ?
		ORDER BY c.TABLE_NAME, c.ORDINAL_POSITION`
	tables := make(map[string]table)
	for _, database := range databases {
		if err := readColumns(ctx, db, query, database, tables); err != nil {
			return nil, fmt.Errorf("read tables of %s: %w", database, err)
		}
	}
	return tables, nil
}

func readColumns(ctx context.Context, db *sql.DB, query, database string, tables map[string]table) error {
	rows, err := db.QueryContext(ctx, query, database)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var t table
		var c column
		if err := rows.Scan(&t.database, &t.name, &c.name, &c.kind, &c.key); err != nil {
			return err
		}
		t.columns = append(tables[t.String()].columns, c)
		tables[t.String()] = t
	}
	return rows.Err()
}

// keyColumns returns the columns of the primary key in its order; none where there is no primary key.
func (t table) keyColumns() []int {
	var key []int
	for i, c := range t.columns {
		if c.key > 0 {
			key = append(key, i)
		}
	}
	slices.SortFunc(key, func(a, b int) int { return t.columns[a].key - t.columns[b].key })
	return key
}

// identity returns the columns that tell rows apart: the primary key, or all columns without one.
func (t table) identity() []int {
	if key := t.keyColumns(); len(key) > 0 {
		return key
	}
	all := make([]int, len(t.columns))
	for i := range all {
		all[i] = i
	}
	return all
}

// query selects all columns in the primary key's order. FLOAT goes as DOUBLE, since its own text form has
// only six digits.
func (t table) query() string {
	var columns, order []string
	for _, c := range t.columns {
		expression := quoteName(c.name)
		if strings.HasPrefix(c.kind, "float") {
			expression = "CAST(" + expression + " AS DOUBLE)"
		}
		columns = append(columns, expression)
	}
	for _, i := range t.keyColumns() {
		order = append(order, quoteName(t.columns[i].name))
	}
	query := fmt.Sprintf("SELECT %s FROM %s.%s", strings.Join(columns, ", "), quoteName(t.database), quoteName(t.name))
	if len(order) > 0 {
		query += " ORDER BY " + strings.Join(order, ", ")
	}
	return query
}

func quoteName(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }

// scan reads the whole table and gives each row to visit: one value per column, nil for NULL, in stored
// bytes. The slices are valid only during the call.
func (t table) scan(ctx context.Context, db *sql.DB, visit func([]sql.RawBytes)) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("read table %s: %w", t, err)
	}
	defer conn.Close()
	// Without this the server would convert strings to the connection's charset, and what that lacks to '?'.
	if _, err := conn.ExecContext(ctx, "SET character_set_results = NULL"); err != nil {
		return fmt.Errorf("read table %s: %w", t, err)
	}
	defer conn.ExecContext(context.WithoutCancel(ctx), "SET character_set_results = utf8mb4")
	rows, err := conn.QueryContext(ctx, t.query())
	if err != nil {
		return fmt.Errorf("read table %s: %w", t, err)
	}
	defer rows.Close()
	values := make([]sql.RawBytes, len(t.columns))
	targets := make([]any, len(values))
	for i := range values {
		targets[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(targets...); err != nil {
			return fmt.Errorf("read table %s: %w", t, err)
		}
		visit(values)
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read table %s: %w", t, err)
	}
	return nil
}

// digest stands for a table's content: equal digests mean equal rows.
type digest struct {
	rows int
	sum  [sha256.Size]byte
}

func (t table) digest(ctx context.Context, db *sql.DB) (digest, error) {
	if len(t.keyColumns()) == 0 {
		return t.unorderedDigest(ctx, db)
	}
	var d digest
	var buf []byte
	hash := sha256.New()
	err := t.scan(ctx, db, func(values []sql.RawBytes) {
		d.rows++
		buf = appendRow(buf[:0], values)
		_, _ = hash.Write(buf)
	})
	hash.Sum(d.sum[:0])
	return d, err
}

// unorderedDigest is for tables without a primary key, whose rows come in any order: it sorts the rows' hashes.
func (t table) unorderedDigest(ctx context.Context, db *sql.DB) (digest, error) {
	var buf []byte
	var sums [][sha256.Size]byte
	err := t.scan(ctx, db, func(values []sql.RawBytes) {
		buf = appendRow(buf[:0], values)
		sums = append(sums, sha256.Sum256(buf))
	})
	slices.SortFunc(sums, func(a, b [sha256.Size]byte) int { return bytes.Compare(a[:], b[:]) })
	hash := sha256.New()
	for _, sum := range sums {
		_, _ = hash.Write(sum[:])
	}
	d := digest{rows: len(sums)}
	hash.Sum(d.sum[:0])
	return d, err
}

func appendRow(buf []byte, values []sql.RawBytes) []byte {
	for _, v := range values {
		buf = appendValue(buf, v)
	}
	return buf
}

// appendValue encodes a value so that no two lists of values have the same encoding: NULL is 0, other values
// are their length plus 1 and their bytes.
func appendValue(buf []byte, v sql.RawBytes) []byte {
	if v == nil {
		return binary.AppendUvarint(buf, 0)
	}
	return append(binary.AppendUvarint(buf, uint64(len(v))+1), v...)
}
