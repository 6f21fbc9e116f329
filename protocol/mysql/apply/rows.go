package apply

import (
	"context"
	"encoding/base64"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/relay"
)

const (
	// eventServerID is in the headers of our events. The server logs the session's server_id, not this one.
	eventServerID = 1
	// statementBytes is how much of events goes into one BINLOG statement.
	statementBytes = 512 << 10
	// annotatedBytes is the same where the server logs the statement's text beside each rows event.
	annotatedBytes = 16 << 10
	// firstTable is where the numbers of tables in a statement begin. They mean nothing outside of it.
	firstTable = 1
)

// batch collects rows of one statement.
type batch struct {
	x     *tx
	rows  *binlog.RowsBuilder
	limit int
	table string // the one table, "" when there are several
	many  bool
}

func (x *tx) newBatch() *batch {
	l := x.lane
	if l.rows == nil {
		l.rows = binlog.NewRowsBuilder(l.target.dialect.rows(), firstTable)
	}
	limit := statementBytes
	if l.target.can.annotated {
		limit = annotatedBytes
	}
	return &batch{x: x, rows: l.rows, limit: limit}
}

// writeKnown writes the rows that are said to stand or not to stand there.
func (x *tx) writeKnown(ctx context.Context, groups []*rowGroup) error {
	b := x.newBatch()
	for _, g := range groups {
		if err := b.group(ctx, g); err != nil {
			return err
		}
	}
	if err := b.end(ctx); err != nil {
		return err
	}
	return x.flush(ctx)
}

func (b *batch) group(ctx context.Context, g *rowGroup) error {
	for _, w := range g.deletes {
		if err := b.add(ctx, w, relay.Delete); err != nil {
			return err
		}
	}
	for _, w := range g.updates {
		if err := b.add(ctx, w, relay.Update); err != nil {
			return err
		}
	}
	for _, w := range g.inserts {
		if err := b.add(ctx, w, relay.Insert); err != nil {
			return err
		}
	}
	return nil
}

// add appends a row's event. A statement ends before it would exceed its limit, and after it if it does so alone.
func (b *batch) add(ctx context.Context, w *relay.Write, op relay.Op) error {
	if b.rows.Count() > 0 && b.rows.Len()+len(w.Before)+len(w.After) > b.limit {
		if err := b.end(ctx); err != nil {
			return err
		}
	}
	switch name := w.Table.String(); {
	case b.rows.Count() == 0:
		b.table = name
	case b.table != name:
		b.many = true
	}
	b.put(w, op)
	return nil
}

// put appends a row's event.
func (b *batch) put(w *relay.Write, op relay.Op) {
	switch op {
	case relay.Insert:
		b.rows.Insert(w.Table, w.After)
	case relay.Update:
		b.rows.Update(w.Table, keyImage(w), w.After)
	default:
		b.rows.Delete(w.Table, keyImage(w))
	}
}

// statementSize is how long the BINLOG statement of so many bytes of events is.
func statementSize(events int) int {
	return len("BINLOG '\n'") + base64.StdEncoding.EncodedLen(events)
}

// end makes a statement of what was added.
func (b *batch) end(ctx context.Context) error {
	if b.rows.Count() == 0 {
		return nil
	}
	st := step{op: "write rows", table: b.table, kind: rowsStep}
	if b.many {
		st.table = ""
	}
	events := b.rows.Events()
	err := b.x.add(ctx, st, statementSize(len(events)), func(packet []byte) []byte { return binlog.AppendStatement(packet, events) })
	b.rows.Reset(b.x.lane.target.dialect.rows(), firstTable)
	b.table, b.many = "", false
	return err
}
