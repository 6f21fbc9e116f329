package compare

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/go-mysql-org/go-mysql/client"
	"github.com/go-mysql-org/go-mysql/mysql"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/protocol/values"
	"github.com/octant-db/octant/relay"
)

// errNoValues says that this reader was not told how to describe tables.
var errNoValues = errors.New("rows of this database cannot be compared by value")

// ByValue implements relay.TableReader.
func (r *Reader) ByValue(f *relay.ValueForm) relay.TableReader { return values.NewReader(r, f) }

// Shape implements relay.TableReader.
func (r *Reader) Shape(ctx context.Context, name string) (*relay.Shape, error) {
	s := &relay.Shape{}
	err := r.withSession(ctx, func(conn *client.Conn) error {
		s.Flavour = flavourOf(conn.GetServerVersion())
		t, err := r.definition(conn, name)
		if err != nil {
			return err
		}
		if s.Problem = t.compared().Problem; s.Problem != "" {
			return nil
		}
		described, err := r.describe(ctx, t)
		var held *relay.TableError
		if errors.As(err, &held) {
			s.Problem = held.Reason
			return nil
		}
		if err == nil {
			s = values.ShapeOf(described, func(i int) string { return t.columns[i].order(&described.Plain.Types()[i]) })
		}
		return err
	})
	return s, err
}

func flavourOf(version string) relay.Flavour {
	if strings.Contains(version, "MariaDB") {
		return binlog.Flavour
	}
	return binlog.MySQL
}

// order says how the server orders a column; see relay.ShapeColumn.
func (c *column) order(t *relay.Type) string {
	switch {
	case c.kind == "uuid":
		return "MariaDB's uuid" // by its parts, not from the first byte on
	case t.Kind == relay.Text:
		return t.Equality
	case t.Kind == relay.Enum, t.Kind == relay.Set:
		return "the labels' numbers"
	}
	return ""
}

// describe returns the log's description of a table. The caller holds mu.
func (r *Reader) describe(ctx context.Context, t *table) (*relay.Table, error) {
	if known := r.described[t]; known != nil {
		return known, nil
	}
	if r.config.Local == nil {
		return nil, answerf("%w", errNoValues)
	}
	local, err := r.config.Local(ctx, t.schema, t.name)
	switch {
	case err != nil:
		return nil, answerf("describe table %s: %w", t, err)
	case local == nil:
		return nil, answerf("table %s is missing", t)
	case len(local.Table.Columns) != len(t.columns):
		return nil, answerf("the definition of table %s is being changed: compare it again", t)
	}
	if r.described == nil || len(r.described) >= maxDescribed {
		r.described = map[*table]*relay.Table{}
	}
	r.described[t] = local.Table
	return local.Table, nil
}

// maxDescribed bounds what is remembered by the number of its tables.
const maxDescribed = 8192

// Hold implements values.Database.
func (r *Reader) Hold(ctx context.Context, name string, use func(values.Held) error) error {
	return r.with(ctx, name, func(conn *client.Conn, t *table) error {
		described, err := r.describe(ctx, t)
		if err != nil {
			return err
		}
		h := &valued{table: t, conn: conn, described: described}
		if err := use(h); err != nil {
			if h.broken != nil {
				return h.broken
			}
			return answerf("%w", err)
		}
		return nil
	})
}

// valued is a table whose rows are compared by value: values.Held.
type valued struct {
	*table
	conn      *client.Conn
	described *relay.Table
	broken    error // what the connection said last, if that was no answer
}

var _ values.Held = (*valued)(nil)

// Table implements values.Held.
func (h *valued) Table() *relay.Table { return h.described }

// note keeps the errors of the connection apart.
func (h *valued) note(err error) error {
	if lost(err) {
		h.broken = err
	}
	return err
}

// condition is the WHERE clause of a selection. False: no row can be meant.
func (h *valued) condition(s values.Selection) (string, bool, error) {
	var lists [3][]string
	for n, key := range [][]relay.Value{s.At, s.After, s.UpTo} {
		for i, v := range key {
			c := h.key[i]
			text, ok := h.columns[c].plainOperand(&h.described.Plain.Types()[c], v)
			if !ok && n > 0 {
				return "", false, values.ErrNoBound
			}
			if !ok {
				return "", false, nil
			}
			lists[n] = append(lists[n], text)
		}
	}
	if s.At != nil {
		return " WHERE " + h.equals(lists[0]), true, nil
	}
	return h.between(lists[1], lists[2]), true, nil
}

// Select implements values.Held.
func (h *valued) Select(_ context.Context, s values.Selection, each func([]relay.Value) error) error {
	where, possible, err := h.condition(s)
	if err != nil || !possible {
		return err
	}
	types, row := h.described.Plain.Types(), make([]relay.Value, len(h.columns))
	var asked []int
	text := []byte("SELECT ")
	for i := range h.columns {
		if row[i].Kind = relay.Missing; s.KeyOnly && h.columns[i].key == 0 {
			continue
		}
		if len(asked) > 0 {
			text = append(text, ',')
		}
		text = binlog.AppendPlainly(text, &types[i], h.columns[i].name)
		asked = append(asked, i)
	}
	text = append(append(append(text, h.from()...), where...), h.order()...)
	if s.Limit > 0 {
		text = fmt.Appendf(text, " LIMIT %d OFFSET %d", s.Limit, s.Offset)
	}
	return h.stream("read rows", string(text), func(cells []mysql.FieldValue) error {
		for n, i := range asked {
			if row[i] = (relay.Value{}); cells[n].Type == mysql.FieldValueTypeNull {
				continue
			}
			var err error
			if row[i], err = binlog.PlainCell(types[i].Kind, cells[n].AsString()); err != nil {
				return fmt.Errorf("column %s is not as its type says", h.columns[i].name)
			}
		}
		return each(row)
	})
}

// stream runs a statement without holding its rows.
func (h *valued) stream(op, text string, each func([]mysql.FieldValue) error) error {
	var result mysql.Result
	var refused error // by each: the rest is read all the same, so that the connection stays of use
	err := h.conn.ExecuteSelectStreaming(text, &result, func(cells []mysql.FieldValue) error {
		if refused == nil {
			refused = each(cells)
		}
		return nil
	}, nil)
	if err != nil {
		return h.note(explain(op, err))
	}
	return refused
}

// Digest implements values.Held.
func (h *valued) Digest(_ context.Context, f *relay.ValueForm, s values.Selection) (d relay.SpanDigest, ok bool, err error) {
	terms := make([]string, len(f.Columns))
	for i := range f.Columns {
		if terms[i], ok = h.commonTerm(&f.Columns[i]); !ok {
			return d, false, nil
		}
	}
	where, _, err := h.condition(s)
	if err != nil {
		return d, true, err
	}
	text := spanSQL(sha2("CONCAT("+strings.Join(terms, ",',',")+")"), h.from()+where)
	err = query(h.conn, "digest a chunk", text, func(cells []mysql.FieldValue) error {
		d, err = spanDigest(cells)
		return err
	})
	return d, true, h.note(err)
}

// commonTerm is a column's part of the digest of a row; see values.AppendCommon. False: the server cannot make the text.
func (h *valued) commonTerm(of *relay.FormColumn) (string, bool) {
	for i := range h.columns {
		c := &h.columns[i]
		if !strings.EqualFold(c.name, of.Name) {
			continue
		}
		text, ok := c.commonText(&h.described.Plain.Types()[i], of.As)
		if !ok {
			return "", false
		}
		if of.Long {
			text = "SHA2(" + text + ",256)"
		} else {
			text = "CONCAT(LENGTH(" + text + "),':'," + text + ")"
		}
		return "IF(" + c.quotedName() + " IS NULL,'-'," + text + ")", true
	}
	return "", false
}

// commonText is the expression of a value's text. Floats and documents have none.
func (c *column) commonText(t *relay.Type, as relay.ValueText) (string, bool) {
	plain := string(binlog.AppendPlainly(nil, t, c.name))
	switch as {
	case relay.AsNumber:
		plain = c.quotedName() + "+0" // without the zeros of ZEROFILL
		if t.Kind == relay.Decimal && t.Scale > 0 {
			plain = trimmed(plain)
		}
		return "CAST(" + plain + " AS CHAR)", true
	case relay.AsMoment:
		if t.Fraction > 0 {
			plain = trimmed(plain)
		}
		return plain, true
	case relay.AsBytes:
		return "LOWER(HEX(" + plain + "))", true
	case relay.AsText, relay.AsOctets, relay.AsBits:
		return plain, true
	}
	return "", false
}

// trimmed is a number without the zeros at the end of its fraction.
func trimmed(expression string) string {
	return "TRIM(TRAILING '.' FROM TRIM(TRAILING '0' FROM " + expression + "))"
}

// Amend implements values.Held.
func (h *valued) Amend(ctx context.Context, a values.Amendment) error {
	where, possible, err := h.condition(values.Selection{At: a.At})
	if err != nil || !possible {
		return errors.Join(err, values.ErrNoKey)
	}
	at := strings.TrimPrefix(where, " WHERE ")
	p := &relay.Replacement{Mark: a.Mark}
	if a.Row != nil {
		if p.Values, err = h.native(a.Row); err != nil {
			return err
		}
	}
	return h.note(h.repair(h.conn, func() error {
		lock := "SELECT 1" + h.from() + where + " FOR UPDATE"
		if err := query(h.conn, "lock a row", lock, func([]mysql.FieldValue) error { return nil }); err != nil {
			return err
		}
		there, err := a.Approve(ctx, h)
		if err != nil {
			return answerf("%w", err)
		}
		return h.amend(h.conn, at, p, there)
	}))
}

// native are a row's values as the server has them.
func (h *valued) native(img relay.Image) ([]relay.ColumnValue, error) {
	row, err := h.described.Decode(img)
	if err != nil {
		return nil, err
	}
	list := make([]relay.ColumnValue, len(row))
	for i := range row {
		c := &h.columns[i]
		list[i] = relay.ColumnValue{Name: c.name, Key: c.key > 0}
		if !row[i].IsNull() {
			list[i].Value = append([]byte{}, cellOf(c, &row[i])...)
		}
	}
	return list, nil
}

// spanSQL digests rows whose digests are an expression. The two halves are computed in a derived table with a LIMIT, which keeps the server from
// computing them twice.
func spanSQL(digest, from string) string {
	return "SELECT COUNT(*), COUNT(m), BIT_XOR(CAST(CONV(LEFT(m,16),16,10) AS UNSIGNED)), BIT_XOR(CAST(CONV(RIGHT(m,16),16,10) AS UNSIGNED)) FROM (SELECT " +
		digest + " AS m" + from + " LIMIT 18446744073709551615) AS chunk"
}

func spanDigest(cells []mysql.FieldValue) (d relay.SpanDigest, err error) {
	if number(cells[0]) != number(cells[1]) {
		return d, answerf("digest a chunk: a row is larger than max_allowed_packet")
	}
	d.Rows = uint64(number(cells[0]))
	binary.BigEndian.PutUint64(d.Sum[:8], cells[2].AsUint64())
	binary.BigEndian.PutUint64(d.Sum[8:], cells[3].AsUint64())
	return d, nil
}
