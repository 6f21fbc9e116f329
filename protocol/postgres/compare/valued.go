package compare

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/octant-db/octant/protocol/postgres/catalog"
	"github.com/octant-db/octant/protocol/postgres/connect"
	"github.com/octant-db/octant/protocol/postgres/logical"
	"github.com/octant-db/octant/protocol/values"
	"github.com/octant-db/octant/relay"
)

// ByValue implements relay.TableReader.
func (r *Reader) ByValue(f *relay.ValueForm) relay.TableReader { return values.NewReader(r, f) }

// Shape implements relay.TableReader.
func (r *Reader) Shape(ctx context.Context, name string) (*relay.Shape, error) {
	s := &relay.Shape{Flavour: logical.Flavour}
	err := r.withSession(ctx, func(c *connect.Conn) error {
		t, err := r.definition(ctx, c, name)
		if err != nil {
			return err
		}
		if s.Problem = compared(t).Problem; s.Problem != "" {
			return nil
		}
		described, err := describe(t)
		if err != nil {
			return err
		}
		orders, err := orders(ctx, c, t)
		s = values.ShapeOf(described, func(i int) string {
			if described.Plain.Types()[i].Kind == relay.Enum {
				return "the labels' order in PostgreSQL"
			}
			return orders[t.Columns[i].Name]
		})
		return err
	})
	return s, err
}

func describe(t *catalog.Table) (*relay.Table, error) {
	s, err := logical.NewTableCache().Get(t.Description.Append(nil))
	if err != nil {
		return nil, err
	}
	return s.Table, nil
}

// ordersSQL tells of columns of text how they are ordered. What is C, or the default where that is C, orders bytes.
const ordersSQL = `SELECT a.attname, CASE WHEN l.collprovider = 'c' THEN l.collcollate WHEN l.collprovider = 'd' AND
  coalesce(pg_catalog.to_jsonb(d) ->> 'datlocprovider', 'c') = 'c' THEN d.datcollate WHEN l.collprovider = 'b' OR l.collprovider = 'd' AND
  pg_catalog.to_jsonb(d) ->> 'datlocprovider' = 'b' THEN 'C' ELSE l.collname END, t.typname
FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_collation l ON l.oid = a.attcollation JOIN pg_catalog.pg_type t ON t.oid = a.atttypid,
  pg_catalog.pg_database d
WHERE a.attrelid = $1::oid AND a.attnum > 0 AND d.datname = pg_catalog.current_database()`

// orders are how columns are ordered, by their names; see relay.ShapeColumn.
func orders(ctx context.Context, c *connect.Conn, t *catalog.Table) (map[string]string, error) {
	rows, err := c.Query(ctx, "read pg_collation", ordersSQL, t.OID)
	if err != nil {
		return nil, err
	}
	list := map[string]string{}
	for _, row := range rows {
		order := "PostgreSQL's " + string(row[1])
		if collation := string(row[1]); (collation == "C" || collation == "POSIX") && string(row[2]) != "bpchar" {
			order = relay.Bytewise
		}
		list[string(row[0])] = order
	}
	return list, nil
}

// Hold implements values.Database.
func (r *Reader) Hold(ctx context.Context, name string, use func(values.Held) error) error {
	return r.with(ctx, name, func(c *connect.Conn, t *catalog.Table) error {
		described, err := describe(t)
		if err != nil {
			return err
		}
		return use(&valued{t: t, conn: c, described: described})
	})
}

// valued is a table whose rows are compared by value: values.Held.
type valued struct {
	t         *catalog.Table
	conn      *connect.Conn
	described *relay.Table
}

var _ values.Held = (*valued)(nil)

// Table implements values.Held.
func (h *valued) Table() *relay.Table { return h.described }

// condition is the WHERE clause of a selection. False: no row can be meant.
func (h *valued) condition(s values.Selection) (string, bool, error) {
	var parts []string
	for _, side := range []struct {
		key      []relay.Value
		operator string
	}{{s.At, "="}, {s.After, ">"}, {s.UpTo, "<="}} {
		if side.key == nil {
			continue
		}
		operands := make([]string, len(side.key))
		for i, v := range side.key {
			var ok bool
			if operands[i], ok = h.operand(h.t.Key[i], v, s.At == nil); !ok && s.At != nil {
				return "", false, nil
			} else if !ok {
				return "", false, values.ErrNoBound
			}
		}
		parts = append(parts, "("+keyColumns(h.t)+") "+side.operator+" ("+strings.Join(operands, ", ")+")")
	}
	if len(parts) == 0 {
		return "", true, nil
	}
	return " WHERE " + strings.Join(parts, " AND "), true, nil
}

// operand is a plain value as an expression for comparing it with a column. False: the column has no such value. A bound may be a text with a zero byte: what
// stands before that lies as it does to all texts that the column can have.
func (h *valued) operand(column int, v relay.Value, bound bool) (string, bool) {
	t := &h.described.Plain.Types()[column]
	switch {
	case t.Kind == relay.Bool:
	case v.Kind == relay.Int, v.Kind == relay.Uint, v.Kind == relay.Decimal:
		text := values.PlainText(v)
		return string(text), len(text) > 0 && strings.Trim(string(text), "-.0123456789") == ""
	case v.Kind == relay.Enum:
		if !slices.Contains(t.Labels, string(v.Bytes)) {
			return "", false
		}
	case v.Kind == relay.Text && bound:
		v.Bytes, _, _ = bytes.Cut(v.Bytes, []byte{0})
	}
	row := make([]relay.Value, len(h.t.Columns))
	row[column] = v
	image, err := h.described.Plain.Image(row)
	if err != nil {
		return "", false
	}
	cells, err := logical.Cells(nil, image, len(row))
	if err != nil || cells[column].Kind != logical.IsText {
		return "", false
	}
	return connect.Literal(string(cells[column].Text)) + "::" + h.t.Types[column], true
}

// Select implements values.Held.
func (h *valued) Select(ctx context.Context, s values.Selection, each func([]relay.Value) error) error {
	condition, possible, err := h.condition(s)
	if err != nil || !possible {
		return err
	}
	names, asked := allColumns(h.t), make([]int, len(h.t.Columns))
	for i := range asked {
		asked[i] = i
	}
	if s.KeyOnly {
		names, asked = keyColumns(h.t), h.t.Key
	}
	text := "COPY (SELECT " + names + from(h.t) + condition + " ORDER BY " + keyColumns(h.t)
	if s.Limit > 0 {
		text += fmt.Sprintf(" LIMIT %d OFFSET %d", s.Limit, s.Offset)
	}
	lines := &lineWriter{each: func(line []byte) error { return h.line(line, asked, each) }}
	if _, err := h.conn.CopyTo(ctx, lines, text+") TO STDOUT"); err != nil {
		return connect.NewError(ctx, "read rows", h.described.String(), err)
	}
	return lines.refused
}

// line reads a copied row as one of the log.
func (h *valued) line(line []byte, asked []int, each func([]relay.Value) error) error {
	texts, err := copiedCells(line, len(asked))
	if err != nil {
		return err
	}
	cells := make([]logical.Cell, len(h.t.Columns))
	for i := range cells {
		cells[i].Kind = logical.IsAbsent
	}
	for n, i := range asked {
		if cells[i].Kind = logical.IsNull; texts[n] != nil {
			cells[i] = logical.Cell{Kind: logical.IsText, Text: texts[n]}
		}
	}
	row, err := h.described.Plain.Values(logical.AppendImage(nil, cells))
	if err != nil {
		return err
	}
	return each(row)
}

// Digest implements values.Held.
func (h *valued) Digest(ctx context.Context, f *relay.ValueForm, s values.Selection) (d relay.SpanDigest, ok bool, err error) {
	terms := make([]string, len(f.Columns))
	for i := range f.Columns {
		if terms[i], ok = h.commonTerm(&f.Columns[i]); !ok {
			return d, false, nil
		}
	}
	condition, _, err := h.condition(s)
	if err != nil {
		return d, true, err
	}
	rows, err := h.conn.Query(ctx, "digest a chunk", spanSQL(sha256("convert_to("+strings.Join(terms, "||','||")+", 'UTF8')"), from(h.t)+condition))
	if err == nil {
		d, err = parseDigest(rows[0])
	}
	return d, true, err
}

// sha256 is a digest in hexadecimal digits.
func sha256(bytes string) string { return "encode(sha256(" + bytes + "), 'hex')" }

// commonTerm is a column's part of the digest of a row; see values.AppendCommon. False: the server cannot make the text.
func (h *valued) commonTerm(of *relay.FormColumn) (string, bool) {
	for i := range h.t.Columns {
		if !strings.EqualFold(h.t.Columns[i].Name, of.Name) {
			continue
		}
		name := connect.Identifier(h.t.Columns[i].Name)
		text, ok := commonText(name, &h.described.Plain.Types()[i], of.As)
		switch {
		case !ok:
			return "", false
		case of.As == relay.AsOctets:
			text = sha256(text)
		case of.Long:
			text = sha256("convert_to(" + text + ", 'UTF8')")
		default:
			text = "octet_length(convert_to(" + text + ", 'UTF8')) || ':' || " + text
		}
		return "CASE WHEN " + name + " IS NULL THEN '-' ELSE " + text + " END", true
	}
	return "", false
}

// commonText is the expression of a value's text. Floats, documents and intervals have none.
func commonText(name string, t *relay.Type, as relay.ValueText) (string, bool) {
	switch {
	case as == relay.AsJSON, as == relay.AsFloat, t.Kind == relay.Interval:
		return "", false
	case t.Kind == relay.Bool:
		return name + "::int::text", true
	case t.Kind == relay.Decimal:
		return "trim_scale(" + name + ")::text", true
	case as == relay.AsOctets:
		return name, t.Kind == relay.Binary
	case as == relay.AsBytes && t.Kind == relay.UUID:
		return "replace(" + name + "::text, '-', '')", true
	case as == relay.AsBytes:
		return "encode(" + name + ", 'hex')", t.Kind == relay.Binary
	case t.Kind == relay.Timestamp:
		return "(" + name + " AT TIME ZONE 'UTC')::text", true
	}
	return name + "::text", true
}

// Amend implements values.Held.
func (h *valued) Amend(ctx context.Context, a values.Amendment) error {
	condition, possible, err := h.condition(values.Selection{At: a.At})
	if err != nil || !possible {
		return errors.Join(err, values.ErrNoKey)
	}
	var list []relay.ColumnValue
	if a.Row != nil {
		if list, err = h.native(a.Row); err != nil {
			return err
		}
	}
	return repair(ctx, h.conn, func() error {
		if _, err := h.conn.Query(ctx, "lock a row", "SELECT 1"+from(h.t)+condition+" FOR UPDATE"); err != nil {
			return err
		}
		there, err := a.Approve(ctx, h)
		if err != nil {
			return err
		}
		return amend(ctx, h.conn, h.t, strings.TrimPrefix(condition, " WHERE "), &relay.Replacement{Values: list, Mark: a.Mark}, there)
	})
}

// native are a row's values as the server has them.
func (h *valued) native(img relay.Image) ([]relay.ColumnValue, error) {
	cells, err := logical.Cells(nil, img, len(h.t.Columns))
	if err != nil {
		return nil, err
	}
	list := make([]relay.ColumnValue, len(cells))
	for i, c := range cells {
		list[i].Name = h.t.Columns[i].Name
		if c.Kind == logical.IsText {
			list[i].Value = append([]byte{}, c.Text...)
		}
	}
	return list, nil
}

// lineWriter takes apart what COPY writes, without holding more than a line. An error of each is kept: the rest is read all the same, so that the
// connection stays of use.
type lineWriter struct {
	each    func(line []byte) error
	part    []byte
	refused error
}

// Write implements io.Writer.
func (w *lineWriter) Write(data []byte) (int, error) {
	for rest := data; ; {
		line, after, whole := bytes.Cut(rest, []byte("\n"))
		if !whole {
			w.part = append(w.part, rest...)
			return len(data), nil
		}
		if len(w.part) > 0 {
			line = append(w.part, line...)
			w.part = w.part[:0]
		}
		if rest = after; w.refused == nil {
			w.refused = w.each(line)
		}
	}
}
