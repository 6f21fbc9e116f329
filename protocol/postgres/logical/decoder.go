package logical

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/octant-db/octant/protocol/postgres/ddl"
	"github.com/octant-db/octant/relay"
)

// Decoder turns a transaction's messages into changes. It is safe for use from several goroutines.
type Decoder struct {
	// Exclude tells whose rows are passed over. nil: nobody's. It is set before the first use.
	Exclude func(schema, table string) bool

	tables *TableCache
}

// NewDecoder returns a decoder that shares the tables of the cache.
func NewDecoder(tables *TableCache) *Decoder { return &Decoder{tables: tables} }

var _ relay.Decoder = (*Decoder)(nil)

// Changes yields every row that the transaction changed, those of schema octant too, and each TRUNCATE and each definition as one statement. Images
// alias the body's pieces where they lie in one.
func (d *Decoder) Changes(body relay.Body) iter.Seq2[relay.Change, error] {
	return func(yield func(relay.Change, error) bool) {
		t := transaction{Decoder: d, yield: yield, relations: make(map[uint32]*relation)}
		for m, err := range Messages(body) {
			if err == nil {
				err = t.take(m)
			}
			if errors.Is(err, errStopped) {
				return
			}
			if err != nil {
				yield(relay.Change{}, err)
				return
			}
		}
	}
}

// errStopped ends the iteration because nobody wants more.
var errStopped = errors.New("stopped")

// maxMessage is the longest message: PostgreSQL sends none above 1 GiB, and ours may repeat a row.
const maxMessage = 1 << 30

// Messages yields the messages of a transaction. They alias the body where they lie in one piece of it.
func Messages(body relay.Body) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		var pending []byte // its capacity is nobody else's
		for piece, err := range body {
			if err != nil {
				yield(nil, err)
				return
			}
			if len(pending) > 0 {
				pending = append(pending, piece...)
				piece = pending
			}
			rest, ok := split(piece, yield)
			if !ok {
				return
			}
			if len(rest) < len(piece) || len(pending) == 0 {
				pending = rest[:len(rest):len(rest)] // what was yielded may be kept
			}
		}
		if len(pending) > 0 {
			yield(nil, fmt.Errorf("read transaction: its last message is cut off: %w", ErrMalformed))
		}
	}
}

// split yields the whole messages of a piece and returns what is left. False: nobody wants more.
func split(piece []byte, yield func([]byte, error) bool) ([]byte, bool) {
	for len(piece) >= 4 {
		n := int(binary.BigEndian.Uint32(piece))
		if n == 0 || n > maxMessage {
			yield(nil, fmt.Errorf("read transaction: a message of %d bytes: %w", n, ErrMalformed))
			return nil, false
		}
		if len(piece)-4 < n {
			break
		}
		if !yield(piece[4:4+n:4+n], nil) {
			return nil, false
		}
		piece = piece[4+n:]
	}
	return piece, true
}

// relation is what a describe message said.
type relation struct {
	schema   *Schema
	excluded bool
}

// transaction is the state of one Changes.
type transaction struct {
	*Decoder
	yield     func(relay.Change, error) bool
	relations map[uint32]*relation
	fill      relay.Image // for the next update
	gone      bool        // the next update is a delete
	cells     []Cell
	rows      bool // there were some
}

func (t *transaction) take(m []byte) error {
	switch m[0] {
	case KindInsert, KindUpdate, KindDelete:
		return t.row(m)
	case KindDescribe:
		return t.describe(m)
	case KindFill:
		r := reader{rest: m[1:]}
		t.fill = r.tuple()
		return wrap("fill", r.finish())
	case KindGone:
		t.gone = true
		return nil
	case KindTruncate:
		return t.truncate(m)
	case KindMessage:
		return t.message(m)
	case KindBegin, KindCommit, KindOrigin, KindFrame:
		return nil
	}
	return fmt.Errorf("read transaction: a message of unknown kind %#x: %w", m[0], ErrMalformed)
}

func (t *transaction) describe(m []byte) error {
	d, err := ParseDescribe(m)
	if err != nil {
		return err
	}
	s, err := t.tables.Get(d.Native)
	if err != nil {
		return err
	}
	t.relations[d.OID] = &relation{schema: s, excluded: t.Exclude != nil && t.Exclude(s.Table.Schema, s.Table.Name)}
	return nil
}

func (t *transaction) relation(oid uint32) (*relation, error) {
	r := t.relations[oid]
	if r == nil {
		return nil, fmt.Errorf("read transaction: rows of a relation that nothing describes: %w", ErrMalformed)
	}
	return r, nil
}

func (t *transaction) truncate(m []byte) error {
	tr, err := ParseTruncate(m)
	if err != nil {
		return err
	}
	d := &relay.Definition{Verb: "TRUNCATE", Empties: true}
	var names []string
	for _, oid := range tr.Relations {
		r, err := t.relation(oid)
		if err != nil {
			return err
		}
		d.Tables = append(d.Tables, relay.TableName{Schema: r.schema.Table.Schema, Table: r.schema.Table.Name})
		names = append(names, r.schema.Table.String())
	}
	if len(names) == 0 {
		return nil
	}
	d.Subject = strings.Join(names, ", ")
	if t.rows { // in other regions tables are emptied before the transaction's rows are written
		d.Reason = "its transaction had changed rows before"
	}
	if !t.yield(relay.Change{Op: relay.Statement, Schema: d.Tables[0].Schema, SQL: "TRUNCATE " + d.Subject, Definition: d}, nil) {
		return errStopped
	}
	return nil
}

// message reads what event triggers have told of a definition. Capture has looked at whether it is theirs. What cannot be read here may be in a later form.
func (t *transaction) message(m []byte) error {
	e, err := ParseEmitted(m)
	if err != nil || e.Prefix != ddl.Prefix {
		return err
	}
	d := relay.Definition{Verb: "definition"}
	if noted, err := ddl.Parse(e.Content); err != nil {
		d.Subject, d.Reason = d.Verb, err.Error()
	} else {
		v := noted.Judge()
		if v.Nothing {
			return nil
		}
		d = v.Definition
	}
	c := relay.Change{Op: relay.Statement, SQL: d.Verb + " " + d.Subject, Session: m, Definition: &d}
	if len(d.Tables) > 0 {
		c.Schema = d.Tables[0].Schema
	}
	if !t.yield(c, nil) {
		return errStopped
	}
	return nil
}

func (t *transaction) row(m []byte) error {
	row, err := ParseRow(m)
	if err != nil {
		return err
	}
	r, err := t.relation(row.Relation)
	if err != nil {
		return err
	}
	t.rows = true
	fill, gone := t.fill, t.gone
	t.fill, t.gone = nil, false
	if r.excluded {
		return nil
	}
	c, err := t.change(r.schema.Table, row, fill, gone)
	if err == nil && !t.yield(c, nil) {
		return errStopped
	}
	return err
}

// change makes a whole change of what the log has of it.
func (t *transaction) change(table *relay.Table, row Row, fill relay.Image, gone bool) (relay.Change, error) {
	c := relay.Change{Op: row.Op, Table: table, After: row.New}
	var err error
	if row.New != nil {
		if t.cells, err = Cells(t.cells[:0], row.New, len(table.Columns)); err != nil {
			return c, err
		}
	}
	if row.Op == relay.Insert {
		return c, nil
	}
	if row.Op == relay.Update && row.Old == nil {
		c.Before, c.Stayed = keyImage(table, t.cells), true // the server logs the key only if it changed
	} else if c.Before, err = oldImage(table, &row); err != nil {
		return c, err
	}
	switch {
	case row.Op == relay.Delete:
	case gone:
		c.Op, c.After, c.Stayed = relay.Delete, nil, false
	case fill != nil:
		c.After = fill
	case HasAbsent(t.cells):
		c.After, err = t.complete(table, &row)
	}
	return c, err
}

// oldImage is the row before. Of a key, the other columns come as NULL, and mean that they are not there.
func oldImage(table *relay.Table, row *Row) (relay.Image, error) {
	if row.OldKind == 'O' {
		return row.Old, nil
	}
	cells, err := Cells(nil, row.Old, len(table.Columns))
	if err != nil {
		return nil, err
	}
	return keyImage(table, cells), nil
}

// complete takes large values that were not changed from the row before, which REPLICA IDENTITY FULL logs.
func (t *transaction) complete(table *relay.Table, row *Row) (relay.Image, error) {
	if row.OldKind == 'O' {
		if image, whole, err := Complete(t.cells, row.Old); whole || err != nil {
			return image, err
		}
	}
	return nil, fmt.Errorf("read update of %s: large values that were not changed are missing: %w", table, ErrMalformed)
}

// Complete fills the absent cells of a new row from the whole old one. False: some are absent there too.
func Complete(cells []Cell, old relay.Image) (relay.Image, bool, error) {
	was, err := Cells(nil, old, len(cells))
	if err != nil {
		return nil, false, err
	}
	whole := make([]Cell, len(cells))
	for i, c := range cells {
		if c.Kind == IsAbsent {
			c = was[i]
		}
		whole[i] = c
	}
	return AppendImage(nil, whole), !HasAbsent(whole), nil
}
