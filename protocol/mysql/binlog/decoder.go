package binlog

import (
	"errors"
	"fmt"
	"iter"

	"github.com/octant-db/octant/protocol/mysql/ddl"
	"github.com/octant-db/octant/relay"
)

// What a Decoder cannot turn into changes.
var (
	// ErrIncident: the server itself says that changes are missing from its log.
	ErrIncident = errors.New("the database reports that its log lacks changes: compare the tables with the other regions")
	// ErrXA: the changes of an XA transaction are logged before it is known whether they stand.
	ErrXA = errors.New("XA transactions in two phases are not replicated: use XA COMMIT … ONE PHASE or ordinary transactions")
	// ErrUndone: a transaction took back a part of its changes, and they are in the log because tables without transactions
	// were changed in it.
	ErrUndone = errors.New("a transaction that was rolled back left changes in the log: use tables with transactions only (ENGINE=InnoDB)")
	// ErrPartialJSON: the after images have only what changed in their documents.
	ErrPartialJSON = errors.New("rows were logged without the whole of their JSON documents: set binlog_row_value_options='' on the " +
		"database and in its sessions, then write the rows again")
	// ErrUnknownEvent: an event that can carry changes is not understood.
	ErrUnknownEvent = errors.New("unknown event that can carry changes")
)

// Decoder turns a transaction's events into changes. It is safe for use from several goroutines.
type Decoder struct {
	// Exclude tells whose rows are passed over; such tables need not be readable. nil: nobody's. It is set before the first use.
	Exclude func(schema, table string) bool

	tables *TableCache
}

// NewDecoder returns a decoder that shares the tables of the cache.
func NewDecoder(tables *TableCache) *Decoder { return &Decoder{tables: tables} }

var _ relay.Decoder = (*Decoder)(nil)

// Changes yields every row that the transaction changed, those of schema octant too, and every statement that can have changed
// something. Images alias the body's pieces where they lie in one. The checksum of every event is verified.
func (d *Decoder) Changes(body relay.Body) iter.Seq2[relay.Change, error] {
	return func(yield func(relay.Change, error) bool) {
		t := transaction{Decoder: d, yield: yield, maps: map[uint64]*Schema{}}
		for event, err := range Events(body) {
			if err == nil {
				err = t.take(event)
			}
			if err != nil {
				if !t.stopped {
					yield(relay.Change{}, err)
				}
				return
			}
		}
	}
}

// errStopped ends the iteration because nobody wants more.
var errStopped = errors.New("stopped")

// transaction is what is known in the middle of an event group.
type transaction struct {
	*Decoder
	yield   func(relay.Change, error) bool
	maps    map[uint64]*Schema // by the number that the statement's table maps gave; nil: excluded
	changed bool               // rows were yielded
	stopped bool
}

func (t *transaction) take(event []byte) error {
	if _, err := VerifyChecksum(event); err != nil {
		return err
	}
	h, err := ParseHeader(event)
	if err != nil {
		return err
	}
	if IsRows(h.Type) {
		return t.rows(event)
	}
	switch h.Type {
	case TableMapEvent:
		return t.tableMap(event)
	case QueryEvent, QueryCompressedEvent, ExecuteLoadQueryEvent:
		return t.query(event)
	case GTIDEvent:
		return t.begin(event)
	case MySQLGTIDEvent, MySQLAnonymousEvent, MySQLTaggedGTIDEvent:
		_, err := ParseMySQLGTID(event)
		return err
	case TransactionPayloadEvent:
		return t.payload(event)
	case XAPrepareEvent:
		return t.prepare(event)
	case IncidentEvent:
		return t.incident(event)
	}
	return t.other(h)
}

// other tells which events can be passed over.
func (t *transaction) other(h Header) error {
	switch h.Type {
	case XIDEvent, AnnotateRowsEvent, RotateEvent, FormatDescriptionEvent, StopEvent, HeartbeatEvent, GTIDListEvent,
		BinlogCheckpointEvent, StartEncryptionEvent, IgnorableEvent,
		RowsQueryEvent, PreviousGTIDsEvent, TransactionContextEvent, ViewChangeEvent, HeartbeatV2Event,
		IntvarEvent, RandEvent, UserVarEvent, BeginLoadQueryEvent, AppendBlockEvent: // these prepare a statement that follows
		return nil
	}
	if h.Flags&FlagIgnorable != 0 {
		return nil
	}
	return fmt.Errorf("decode transaction: event type %d that ends at %d: %w", h.Type, h.LogPos, ErrUnknownEvent)
}

func (t *transaction) begin(event []byte) error {
	g, err := ParseGTID(event)
	if err != nil {
		return err
	}
	if g.Flags&GTIDPreparedXA != 0 {
		return fmt.Errorf("decode transaction %s: %w", g.GTID, ErrXA)
	}
	return nil
}

func (t *transaction) prepare(event []byte) error {
	x, err := ParseXAPrepare(event)
	if err == nil && !x.OnePhase {
		err = fmt.Errorf("decode transaction: %w", ErrXA)
	}
	return err
}

func (t *transaction) incident(event []byte) error {
	i, err := ParseIncident(event)
	if err != nil {
		return err
	}
	return fmt.Errorf("decode transaction: incident %d: %w", i.Number, ErrIncident)
}

func (t *transaction) tableMap(event []byte) error {
	id, native, err := SplitTableMap(event)
	if err != nil {
		return err
	}
	if t.Exclude != nil {
		schema, table, err := TableName(native)
		if err != nil {
			return err
		}
		if t.Exclude(schema, table) {
			t.maps[id] = nil
			return nil
		}
	}
	t.maps[id], err = t.tables.Get(native)
	return err
}

func (t *transaction) query(event []byte) error {
	q, err := ParseQuery(event)
	if err != nil {
		return err
	}
	switch q.Class() {
	case Begin, Commit:
		return nil
	case Rollback, RollbackTo:
		if t.changed {
			return fmt.Errorf("decode transaction: %w", ErrUndone)
		}
		return nil
	case Savepoint:
		return nil
	case XAEnd:
		return t.xaEnd(&q)
	}
	t.changed = true
	return t.give(relay.Change{
		Op: relay.Statement, Schema: q.Schema, SQL: string(q.SQL), Session: q.Status, Definition: definition(&q),
	})
}

// definition is what a statement changes of the definitions, nil of one that does not.
func definition(q *Query) *relay.Definition {
	s := ddl.Describe(q.Schema, q.SQL)
	if s.Kind != ddl.Definition && s.Kind != ddl.Truncate {
		return nil
	}
	d := &relay.Definition{Verb: s.Verb, Subject: s.Subject(), Reason: s.Reason, Empties: s.Kind == ddl.Truncate}
	for _, n := range s.Tables {
		d.Tables = append(d.Tables, relay.TableName(n))
	}
	if len(d.Tables) == 0 && s.Schema != "" {
		d.Tables = []relay.TableName{{Schema: s.Schema, Table: s.Name}}
	}
	return d
}

// xaEnd lets XA ROLLBACK pass, which leaves nothing.
func (t *transaction) xaEnd(q *Query) error {
	if begins(q.SQL, "XA ROLLBACK") {
		return nil
	}
	return fmt.Errorf("decode transaction: %w", ErrXA)
}

func (t *transaction) rows(event []byte) error {
	rows, err := ParseRows(event)
	if err != nil {
		return err
	}
	if rows.Empty() {
		return t.endStatement(rows.Flags)
	}
	s, ok := t.maps[rows.Table]
	if !ok {
		return fmt.Errorf("decode transaction: rows of table number %d, which no table map described: %w", rows.Table, ErrMalformed)
	}
	t.changed = true
	if s == nil {
		return t.endStatement(rows.Flags)
	}
	images, err := rows.Images(s)
	if err != nil {
		return err
	}
	for images.Next() {
		if err := t.give(relay.Change{Op: rows.Op, Table: s.Table, Before: images.Before, After: images.After}); err != nil {
			return err
		}
	}
	if err := images.Err(); err != nil {
		return err
	}
	return t.endStatement(rows.Flags)
}

// payload takes the events of a compressed transaction.
func (t *transaction) payload(event []byte) error {
	p, err := ParsePayload(event)
	if err != nil {
		return err
	}
	for inner, err := range p.Events() {
		if err == nil {
			err = t.inner(inner)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// inner refuses a payload in a payload.
func (t *transaction) inner(event []byte) error {
	if h, err := ParseHeader(event); err != nil || h.Type == TransactionPayloadEvent {
		return fmt.Errorf("decode transaction: a payload in a payload: %w", errors.Join(err, ErrMalformed))
	}
	return t.take(event)
}

// endStatement forgets the numbers of the statement's tables.
func (t *transaction) endStatement(flags uint16) error {
	if flags&RowsEnd != 0 {
		clear(t.maps)
	}
	return nil
}

func (t *transaction) give(c relay.Change) error {
	if !t.yield(c, nil) {
		t.stopped = true
		return errStopped
	}
	return nil
}
