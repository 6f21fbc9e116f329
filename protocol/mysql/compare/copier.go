package compare

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/go-mysql-org/go-mysql/client"
	"github.com/go-mysql-org/go-mysql/mysql"

	"github.com/octant-db/octant/internal/pool"
	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/protocol/values"
	"github.com/octant-db/octant/relay"
)

// Copier copies rows out of a server or into one. Its methods may be called from several goroutines; as many work at a time as it has connections.
type Copier struct{ readers *pool.Pool[*Reader] }

var _ relay.Leveller = (*Copier)(nil)

// NewCopier returns a copier with so many connections, which are made when they are needed.
func NewCopier(c Config, connections int) *Copier {
	readers := make([]*Reader, connections)
	for i := range readers {
		readers[i] = New(c)
	}
	return &Copier{pool.New(readers...)}
}

// Close ends the connections. No other method may be running.
func (p *Copier) Close() error { return p.readers.Close() }

// with lends a connection and a table's definition.
func (p *Copier) with(ctx context.Context, name string, use func(*client.Conn, *table) error) error {
	return p.readers.Lend(ctx, func(r *Reader) error { return r.with(ctx, name, use) })
}

// Definitions implements relay.TableCopier.
func (p *Copier) Definitions(ctx context.Context) (list []relay.TableDefinition, err error) {
	err = p.readers.Lend(ctx, func(r *Reader) error {
		tables, err := r.Tables(ctx)
		if err != nil {
			return err
		}
		list = make([]relay.TableDefinition, len(tables))
		return r.withSession(ctx, func(conn *client.Conn) error {
			for i, t := range tables {
				list[i].ComparedTable = t
				known, err := r.definition(conn, t.Name)
				if err == nil {
					err = known.describe(conn, &list[i])
				}
				if err != nil {
					return err
				}
			}
			return nil
		})
	})
	return list, err
}

// describe finds out how a table is made, and about how many rows it has.
func (t *table) describe(conn *client.Conn, d *relay.TableDefinition) error {
	text := fmt.Sprintf("SELECT IFNULL(TABLE_ROWS,0) FROM information_schema.TABLES WHERE TABLE_SCHEMA=%s AND TABLE_NAME=%s", quote(t.schema), quote(t.name))
	err := query(conn, "estimate the rows of a table", text, func(f []mysql.FieldValue) error {
		d.Rows = uint64(number(f[0]))
		return nil
	})
	if err != nil {
		return err
	}
	return query(conn, "read how a table was made", "SHOW CREATE TABLE "+t.quotedName(), func(f []mysql.FieldValue) error {
		d.Create = string(f[1].AsString())
		return nil
	})
}

// Read implements relay.TableCopier. The rows are as the server sends them: each value with its length in front, or a byte for NULL; those of the key
// once more behind each row.
func (p *Copier) Read(ctx context.Context, name string, after relay.RowKey, limit int) (relay.RowBatch, error) {
	return p.ReadSpan(ctx, name, relay.Span{After: after}, limit)
}

// ReadSpan implements relay.Leveller.
func (p *Copier) ReadSpan(ctx context.Context, name string, s relay.Span, limit int) (b relay.RowBatch, err error) {
	err = p.with(ctx, name, func(conn *client.Conn, t *table) error {
		where, err := t.span(s)
		if err != nil {
			return answerf("%w", err)
		}
		text := fmt.Sprintf("SELECT %s,%s%s%s%s LIMIT %d", t.copied(), t.keyValues(), t.from(), where, t.order(), limit)
		result, err := conn.Execute(text)
		if err != nil {
			return explain("read rows of "+name, err)
		}
		defer result.Close()
		b = relay.RowBatch{Rows: len(result.Values)}
		if b.Rows > 0 {
			last := result.Values[b.Rows-1]
			b.Last = keyOf(last[len(last)-len(t.key):])
		}
		b.Data = bytes.Join(rowsOf(result), nil)
		return nil
	})
	return b, err
}

func rowsOf(result *mysql.Result) [][]byte {
	rows := make([][]byte, len(result.RowDatas))
	for i, row := range result.RowDatas {
		rows[i] = row
	}
	return rows
}

// written are the columns that are copied: all but the generated ones.
func (t *table) written() (list []*column) {
	for i := range t.columns {
		if !t.columns[i].generated {
			list = append(list, &t.columns[i])
		}
	}
	return list
}

func (t *table) copied() string {
	var values []string
	for _, c := range t.written() {
		values = append(values, c.value())
	}
	return strings.Join(values, ",")
}

// statementBytes is about how long a statement with several rows may become.
const statementBytes = 1 << 20

// Write implements relay.TableCopier. Triggers would write more than the rows: Ready refuses tables with any. Rows are inserted, which takes few locks; only a
// chunk of which something stands there already is written with REPLACE.
func (p *Copier) Write(ctx context.Context, name string, b relay.RowBatch) error {
	return p.with(ctx, name, func(conn *client.Conn, t *table) error {
		err := t.transact(conn, "INSERT", b)
		var server *mysql.MyError
		if errors.As(err, &server) && server.Code == mysql.ER_DUP_ENTRY {
			err = t.transact(conn, "REPLACE", b)
		}
		return explainAny("write rows of "+name, err)
	})
}

func explainAny(op string, err error) error {
	if err == nil {
		return nil
	}
	return explain(op, err)
}

// transact writes the rows in one transaction.
func (t *table) transact(conn *client.Conn, verb string, b relay.RowBatch) error {
	for _, text := range []string{"SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED", "START TRANSACTION"} {
		if _, err := conn.Execute(text); err != nil {
			return err
		}
	}
	if err := t.write(conn, verb, b); err != nil {
		_, _ = conn.Execute("ROLLBACK")
		return err
	}
	_, err := conn.Execute("COMMIT")
	return err
}

// write puts the rows into statements that are not too long.
func (t *table) write(conn *client.Conn, verb string, b relay.RowBatch) error {
	columns := t.written()
	head := append([]byte(verb+" INTO "), t.quotedName()...)
	for i, c := range columns {
		head = append(append(head, "(,"[min(i, 1)]), c.quotedName()...)
	}
	head = append(head, ") VALUES"...)
	text, rest := make([]byte, 0, min(len(b.Data)+len(b.Data)/2, 2*statementBytes)), b.Data
	for range b.Rows {
		if len(text) == 0 {
			text = append(text, head...)
		} else {
			text = append(text, ',')
		}
		var err error
		if text, rest, err = t.appendRow(text, columns, rest); err != nil {
			return answerf("%w", err)
		}
		if len(text) >= statementBytes {
			if err := send(conn, text); err != nil {
				return err
			}
			text = text[:0]
		}
	}
	if len(text) == 0 {
		return nil
	}
	return send(conn, text)
}

func send(conn *client.Conn, text []byte) error {
	result, err := conn.Execute(string(text))
	if err == nil {
		result.Close()
	}
	return err
}

// errMalformed says that rows are not as Read gives them.
var errMalformed = errors.New("read copied rows: they are cut short")

func (t *table) appendRow(text []byte, columns []*column, data []byte) (longer, rest []byte, err error) {
	for i := range len(columns) + len(t.key) {
		v, size, null := cutCell(data)
		if size == 0 {
			return text, nil, errMalformed
		}
		data = data[size:]
		if i >= len(columns) {
			continue
		}
		text = append(text, "(,"[min(i, 1)])
		if null {
			text = append(text, "NULL"...)
			continue
		}
		if text, err = columns[i].appendCopy(text, v); err != nil {
			return text, nil, err
		}
	}
	return append(text, ')'), data, nil
}

// cutCell reads a value of the text protocol and says how long it is with what stands in front; 0: it is cut short.
func cutCell(b []byte) (v []byte, size int, null bool) {
	if len(b) == 0 {
		return nil, 0, false
	}
	need := 1
	switch b[0] { // https://mariadb.com/kb/en/protocol-data-types/: length-encoded integers
	case 0xfc:
		need = 3
	case 0xfd:
		need = 4
	case 0xfe:
		need = 9
	}
	if len(b) < need || b[0] == 0xff {
		return nil, 0, false
	}
	n, null, k := mysql.LengthEncodedInt(b)
	if null {
		return nil, k, true
	}
	if n > uint64(len(b)-k) {
		return nil, 0, false
	}
	return b[k : k+int(n)], k + int(n), false
}

// plainly are the character sets whose text can stand in quotes in a statement in UTF-8: no byte of a character looks like a quote.
var plainly = map[string]bool{"utf8mb4": true, "utf8mb3": true, "utf8": true, "ascii": true}

// appendCopy appends a value as literal does, without making a string of it where there are many.
func (c *column) appendCopy(dst, v []byte) ([]byte, error) {
	switch class := c.class(); {
	case class == quoted:
		return appendQuoted(dst, v), nil
	case class == text && plainly[c.charset]:
		return appendQuoted(append(append(dst, '_'), c.charset...), v), nil
	case class == plain && isNumber(v):
		return append(dst, v...), nil
	}
	l, err := c.literal(v)
	return append(dst, l...), err
}

// appendQuoted appends a string literal, in which a backslash is a backslash.
func appendQuoted(dst, v []byte) []byte {
	dst = append(dst, '\'')
	for {
		i := bytes.IndexByte(v, '\'')
		if i < 0 {
			return append(append(dst, v...), '\'')
		}
		dst = append(append(dst, v[:i+1]...), '\'')
		v = v[i+1:]
	}
}

func isNumber(v []byte) bool {
	for _, b := range v {
		if (b < '0' || b > '9') && b != '.' && b != '-' {
			return false
		}
	}
	return len(v) > 0
}

// Images implements relay.TableCopier.
func (p *Copier) Images(ctx context.Context, name string, after relay.RowKey, limit int) (relay.RowImages, error) {
	return values.Images(ctx, p, name, after, limit)
}

// Hold implements values.Holder.
func (p *Copier) Hold(ctx context.Context, name string, use func(values.Held) error) error {
	return p.readers.Lend(ctx, func(r *Reader) error { return r.Hold(ctx, name, use) })
}

// Create implements relay.TableCopier.
func (p *Copier) Create(ctx context.Context, list []relay.TableDefinition) error {
	return p.readers.Lend(ctx, func(r *Reader) error {
		return r.withSession(ctx, func(conn *client.Conn) error {
			for _, d := range list {
				schema, _, _ := strings.Cut(d.Name, ".")
				text := string(binlog.AppendIdentifier([]byte("CREATE DATABASE IF NOT EXISTS "), schema))
				if err := run(conn, text, string(binlog.AppendIdentifier([]byte("USE "), schema)), d.Create); err != nil {
					return fmt.Errorf("make table %s: %w", d.Name, err)
				}
			}
			return nil
		})
	})
}

// Clear implements relay.TableCopier.
func (p *Copier) Clear(ctx context.Context, name string) error {
	return p.with(ctx, name, func(conn *client.Conn, t *table) error {
		_, err := conn.Execute("DELETE FROM " + t.quotedName())
		return explainAny("empty table "+name, err)
	})
}

// Ready implements relay.TableCopier.
func (p *Copier) Ready(ctx context.Context, name string) (empty bool, err error) {
	err = p.with(ctx, name, func(conn *client.Conn, t *table) error {
		if err := t.refuseTriggers(conn); err != nil {
			return err
		}
		empty = true
		return query(conn, "look for rows in "+name, "SELECT 1 FROM "+t.quotedName()+" LIMIT 1", func([]mysql.FieldValue) error {
			empty = false
			return nil
		})
	})
	return empty, err
}
