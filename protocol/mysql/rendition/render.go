package rendition

import (
	"bytes"
	"errors"
	"iter"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/protocol/mysql/gtid"
	"github.com/octant-db/octant/relay"
)

// rowsLimit is how many bytes of rows end a rows event.
const rowsLimit = 32 << 10

// Numbers of the session that the transactions are said to have run in; see sql/sql_class.h and information_schema.collations.
const (
	noForeignKeyChecks = 1 << 26 // the database has checked them, and its cascades are changes of their own
	utf8mb4GeneralCI   = 45
)

// mysqlVersion is what GTID events say of the server that wrote them, as the format description does.
const mysqlVersion = 80400

// events yields the transaction of an entry without the GTID event in front. Where they stand is not yet in them. An event is valid until the next one.
// accept is called with each table before its first rows; nil: it was before.
func (l *Log) events(e *relay.Entry, body relay.Body, accept func(*Layout) error) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		r := renderer{log: l, accept: accept, h: l.header(e), yield: yield, numbers: make(map[*Layout]uint64)}
		err := r.run(e, body)
		if err != nil && !errors.Is(err, errStopped) {
			yield(nil, err)
		}
	}
}

// errStopped ends the iteration because nobody wants more.
var errStopped = errors.New("stopped")

func (l *Log) header(e *relay.Entry) binlog.Header {
	h := binlog.Header{ServerID: l.server}
	if !e.Time.IsZero() {
		h.Timestamp = uint32(e.Time.Unix())
	}
	return h
}

// renderer is the state of one transaction.
type renderer struct {
	log     *Log
	accept  func(*Layout) error
	h       binlog.Header
	yield   func([]byte, error) bool
	numbers map[*Layout]uint64
	event   []byte

	layout *Layout // of the rows that wait for their event
	part   binlog.RowsPart
}

func (r *renderer) run(e *relay.Entry, body relay.Body) error {
	if r.log.mysql() {
		if err := r.query("", "BEGIN"); err != nil {
			return err
		}
	}
	if e.Kind != relay.Frame {
		for c, err := range r.log.config.Decoder.Changes(body) {
			if err == nil {
				err = r.change(&c)
			}
			if err != nil {
				return err
			}
		}
	}
	if err := r.flush(); err != nil {
		return err
	}
	return r.send(binlog.AppendXID(r.event[:0], r.h, uint64(e.LSN)))
}

func (r *renderer) send(event []byte) error {
	if r.event = event; len(event) > binlog.MaxEventSize {
		return &Refusal{Table: r.layout.Table.String(), Reason: "a row is larger than an event can be"}
	}
	if !r.yield(event, nil) {
		return errStopped
	}
	return nil
}

func (r *renderer) query(schema, sql string) error {
	s := binlog.Settings{Client: utf8mb4GeneralCI, Connection: utf8mb4GeneralCI, Server: utf8mb4GeneralCI}
	return r.send(binlog.AppendQuery(r.event[:0], r.h, &binlog.Query{
		Schema: schema, SQL: []byte(sql), Status: s.AppendStatus(nil, noForeignKeyChecks),
	}))
}

func (r *renderer) change(c *relay.Change) error {
	if c.Op == relay.Statement {
		return r.statement(c)
	}
	if !r.log.config.Match(c.Table.Schema, c.Table.Name) {
		return nil
	}
	layout, err := r.log.layouts.of(c.Table)
	if err != nil {
		return err
	}
	next := binlog.RowsPart{Type: binlog.RowsType(c.Op, r.log.mysql()), Flags: binlog.RowsEnd | binlog.RowsNoForeignKeyChecks, Width: len(layout.Table.Columns)}
	var before, after []byte
	if c.Before != nil {
		if before, next.Before, err = layout.before(c.Before); err != nil {
			return err
		}
	}
	if c.After != nil {
		if after, next.After, err = layout.after(c.After); err != nil {
			return err
		}
	}
	if layout != r.layout || next.Type != r.part.Type || !bytes.Equal(next.Before, r.part.Before) || !bytes.Equal(next.After, r.part.After) || len(r.part.Images) >= rowsLimit {
		if err := r.flush(); err != nil {
			return err
		}
		next.Images = r.part.Images[:0]
		r.layout, r.part = layout, next
	}
	r.part.Images = append(append(r.part.Images, before...), after...)
	return nil
}

// flush sends the rows that wait, with the description of their table.
func (r *renderer) flush() error {
	if r.layout == nil {
		return nil
	}
	number, known := r.numbers[r.layout]
	if !known && r.accept != nil {
		err := r.accept(r.layout)
		if errors.Is(err, errAltered) {
			return r.layout.refuse(err)
		}
		if err != nil {
			return err
		}
	}
	if !known {
		number = uint64(len(r.numbers) + 1)
		r.numbers[r.layout] = number
	}
	if err := r.send(binlog.AppendTableMap(r.event[:0], r.h, number, r.layout.Table.Native)); err != nil {
		return err
	}
	r.part.Table = number
	err := r.send(binlog.AppendRows(r.event[:0], r.h, &r.part))
	r.layout = nil
	return err
}

// statement: of those that name no rows only TRUNCATE is shown. It may stand among other changes and must not end the
// transaction.
func (r *renderer) statement(c *relay.Change) error {
	if c.Definition != nil && !c.Definition.Empties {
		return nil // a replica is stopped at the first row that its tables do not fit
	}
	if c.Definition == nil {
		return &Refusal{Table: c.Schema, Reason: "a statement of the database that names no rows has no counterpart"}
	}
	if err := r.flush(); err != nil {
		return err
	}
	for _, t := range c.Definition.Tables {
		if !r.log.config.Match(t.Schema, t.Table) {
			continue
		}
		if err := r.query(t.Schema, "DELETE FROM "+quote(t.Schema)+"."+quote(t.Table)); err != nil {
			return err
		}
	}
	return nil
}

// after is a whole row. What cannot be shown is a *Refusal.
func (l *Layout) after(img relay.Image) (image, columns []byte, err error) {
	list, err := l.form.Values(img)
	if err == nil {
		image, columns, err = l.schema.Part(list)
	}
	if err != nil {
		return nil, nil, l.refuse(err)
	}
	return image, columns, nil
}

func (l *Layout) refuse(err error) error {
	return &Refusal{Table: l.Table.String(), Reason: err.Error(), Altered: errors.Is(err, errAltered)}
}

// before is what is known of the row that was: all of it if it can be shown, else its key.
func (l *Layout) before(img relay.Image) (image, columns []byte, err error) {
	if image, columns, err = l.after(img); err == nil || len(l.Table.Key) == 0 {
		return image, columns, err
	}
	list, err := l.form.Key(img)
	if err == nil {
		image, columns, err = l.schema.Part(list)
	}
	if err != nil {
		return nil, nil, l.refuse(err)
	}
	return image, columns, nil
}

// begin appends the GTID event of an entry's transaction, of which the other events have so many bytes.
func (l *Log) begin(b []byte, e *relay.Entry, rest int64, first relay.LSN) []byte {
	h := l.header(e)
	if !l.mysql() {
		return binlog.AppendGTID(b, h, 0, uint64(e.LSN), binlog.GTIDTransactional|binlog.GTIDAllowParallel)
	}
	sequence := int64(e.LSN-first) + 1
	g := binlog.MySQLGroup{
		GTID: gtid.GTID{Source: gtid.Source{Server: l.uuid}, Number: uint64(e.LSN)}, Flags: 1, LastCommitted: sequence - 1, Sequence: sequence, Version: mysqlVersion,
	}
	if !e.Time.IsZero() {
		g.Immediate = uint64(e.Time.UnixMicro())
	}
	from := len(b)
	b = binlog.AppendMySQLGTID(b, h, &g)
	for { // the length counts its own bytes
		length := uint64(len(b)-from) + uint64(rest)
		if length == g.Length {
			return b
		}
		g.Length = length
		b = binlog.AppendMySQLGTID(b[:from], h, &g)
	}
}
