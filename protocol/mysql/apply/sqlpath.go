package apply

import (
	"context"
	"errors"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/relay"
)

// What one statement of the SQL path holds at most, unless a single row is larger.
const (
	sqlRows  = 128
	sqlBytes = 256 << 10
)

// writeSQL writes rows without row events: what may stand there is deleted by primary key, and what shall stand there is
// inserted. Presence is not checked where a row is deleted first.
func (x *tx) writeSQL(ctx context.Context, groups []*rowGroup) error {
	for _, g := range groups {
		w, err := x.newSQLWriter(ctx, g.table)
		if err != nil {
			return err
		}
		if err := w.deletes(ctx, g.deletes, g.updates, g.unknown); err != nil {
			return err
		}
		if err := w.holders(ctx, g.unknown); err != nil {
			return err
		}
		if err := w.inserts(ctx, g.updates, g.inserts, g.unknown); err != nil {
			return err
		}
		if err := x.flush(ctx); err != nil {
			return duplicate(err)
		}
	}
	return nil
}

// duplicate gives a duplicate key its meaning: the primary key's says that a row stands there, another one's that a unique value
// is taken by a row that was not part of the write.
func duplicate(err error) error {
	var e *Error
	if !errors.As(err, &e) || e.Code != codeDuplicateKey {
		return err
	}
	if e.Index == "PRIMARY" {
		return asPresence(err)
	}
	return &BlockedError{Table: e.Table, Index: e.Index}
}

// sqlWriter makes the statements for one table.
type sqlWriter struct {
	x       *tx
	table   *relay.Table
	finder  *finder
	insert  []byte // "INSERT INTO t(columns) VALUES"
	columns []int  // those that are inserted: all but the generated ones
	unique  []localIndex
	text    []byte
	rows    int
}

func (x *tx) newSQLWriter(ctx context.Context, t *relay.Table) (*sqlWriter, error) {
	known, err := x.lane.target.table(ctx, t)
	if err != nil {
		return nil, err
	}
	if known.problem != nil {
		return nil, known.problem
	}
	w := &sqlWriter{x: x, table: t, unique: known.local.unique}
	if w.finder, err = newFinder(t); err != nil {
		return nil, err
	}
	w.insert = append(binlog.AppendTable([]byte("INSERT INTO "), t), '(')
	for i := range t.Columns {
		if known.local.columns[i].generated {
			continue
		}
		if len(w.columns) > 0 {
			w.insert = append(w.insert, ',')
		}
		w.insert = binlog.AppendIdentifier(w.insert, t.Columns[i].Name)
		w.columns = append(w.columns, i)
	}
	w.insert = append(w.insert, ") VALUES"...)
	return w, nil
}

func (w *sqlWriter) deletes(ctx context.Context, lists ...[]*relay.Write) error {
	head := binlog.AppendTable([]byte("DELETE FROM "), w.table)
	head = append(head, " WHERE "...)
	return w.each(ctx, "delete rows", head, " OR ", lists, func(b []byte, row *relay.Write) ([]byte, error) {
		return w.finder.where(b, keyImage(row))
	})
}

// holders deletes the rows that have unique values of rows that may clear their way.
func (w *sqlWriter) holders(ctx context.Context, rows []*relay.Write) error {
	head := binlog.AppendTable([]byte("DELETE FROM "), w.table)
	head = append(head, " WHERE "...)
	for _, index := range w.unique {
		err := w.each(ctx, "make room in unique index "+index.name, head, " OR ", [][]*relay.Write{rows}, func(b []byte, row *relay.Write) ([]byte, error) {
			if row.After == nil || !row.Clear {
				return b, nil
			}
			values, err := w.table.Decode(row.After)
			if err != nil {
				return b, err
			}
			where, _ := holderOf(w.table, index, values)
			return append(b, where...), nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (w *sqlWriter) inserts(ctx context.Context, lists ...[]*relay.Write) error {
	return w.each(ctx, "insert rows", w.insert, ",", lists, func(b []byte, row *relay.Write) ([]byte, error) {
		if row.After == nil {
			return b, nil
		}
		values, err := w.table.Decode(row.After)
		if err != nil {
			return b, err
		}
		for n, i := range w.columns {
			b = append(b, "(,"[min(n, 1)])
			b = binlog.AppendLiteral(b, w.table.Columns[i], values[i])
		}
		return append(b, ')'), nil
	})
}

// each makes statements of a head and what row appends for each write. Rows for which it appends nothing are left out.
func (w *sqlWriter) each(ctx context.Context, op string, head []byte, between string, lists [][]*relay.Write,
	row func([]byte, *relay.Write) ([]byte, error)) error {
	st := step{op: op, table: w.table.String()}
	w.text, w.rows = w.text[:0], 0
	for _, list := range lists {
		for _, write := range list {
			if err := w.one(write, head, between, row); err != nil {
				return err
			}
			if w.rows >= sqlRows || len(w.text) >= sqlBytes {
				if err := w.end(ctx, st); err != nil {
					return err
				}
			}
		}
	}
	return w.end(ctx, st)
}

func (w *sqlWriter) one(write *relay.Write, head []byte, between string, row func([]byte, *relay.Write) ([]byte, error)) error {
	before := len(w.text)
	if w.rows == 0 {
		w.text = append(w.text, head...)
	} else {
		w.text = append(w.text, between...)
	}
	begun := len(w.text)
	var err error
	if w.text, err = row(w.text, write); err != nil {
		return err
	}
	if len(w.text) == begun {
		w.text = w.text[:before]
		return nil
	}
	w.rows++
	return nil
}

func (w *sqlWriter) end(ctx context.Context, st step) error {
	if w.rows == 0 {
		return nil
	}
	err := w.x.add(ctx, st, len(w.text), func(packet []byte) []byte { return append(packet, w.text...) })
	w.text, w.rows = w.text[:0], 0
	return duplicate(err)
}
