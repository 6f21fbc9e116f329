package apply

import (
	"context"
	"errors"
	"fmt"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/relay"
)

// slowRows is how many rows are looked up, and written one by one, in a round trip.
const slowRows = 256

// writeUnknown writes rows of which nothing is known.
func (x *tx) writeUnknown(ctx context.Context, groups []*rowGroup) error {
	for _, g := range groups {
		if len(g.unknown) == 0 {
			continue
		}
		if err := x.writeSlow(ctx, g); err != nil {
			return err
		}
	}
	return nil
}

// slowRow is a row with what was found of it.
type slowRow struct {
	write *relay.Write
	op    relay.Op
	index string // of the unique index that another row's value stood in the way in
}

// writeSlow looks all rows of a table up, locking them, and then writes each as a row event of its own. A row whose
// unique value another one has waits for the others: that one may give it up. When all that are left wait for each
// other, they are taken out and put in again.
func (x *tx) writeSlow(ctx context.Context, g *rowGroup) error {
	rows, err := x.lookUp(ctx, g)
	if err != nil {
		return err
	}
	for len(rows) > 0 {
		blocked, err := x.writeEach(ctx, rows)
		if err != nil {
			return err
		}
		if len(blocked) == len(rows) {
			return x.reinsert(ctx, blocked)
		}
		rows = blocked
	}
	return nil
}

// lookUp finds out which rows stand there and locks them. Deletes are done at once after, before anything that could need their
// unique values; rows that shall not be there and are not need nothing.
func (x *tx) lookUp(ctx context.Context, g *rowGroup) ([]slowRow, error) {
	if err := x.flush(ctx); err != nil {
		return nil, err
	}
	var deletes, rest []slowRow
	for part := g.unknown; len(part) > 0; {
		n := min(slowRows, len(part))
		there, err := x.exist(ctx, g.table, part[:n])
		if err != nil {
			return nil, err
		}
		for i, w := range part[:n] {
			switch {
			case w.After == nil && there[i]:
				deletes = append(deletes, slowRow{write: w, op: relay.Delete})
			case w.After == nil:
			case there[i] && g.short:
				deletes, rest = append(deletes, slowRow{write: w, op: relay.Delete}), append(rest, slowRow{write: w, op: relay.Insert})
			case there[i]:
				rest = append(rest, slowRow{write: w, op: relay.Update})
			default:
				rest = append(rest, slowRow{write: w, op: relay.Insert})
			}
		}
		part = part[n:]
	}
	return append(deletes, rest...), nil
}

// exist tells for each row whether it stands there, by the database's own rules of equality.
func (x *tx) exist(ctx context.Context, t *relay.Table, writes []*relay.Write) ([]bool, error) {
	finder, err := newFinder(t)
	if err != nil {
		return nil, err
	}
	var text []byte
	for i, w := range writes {
		if i > 0 {
			text = append(text, ';')
		}
		text = binlog.AppendTable(append(text, "SELECT 1 FROM "...), t)
		if text, err = finder.where(append(text, " WHERE "...), keyImage(w)); err != nil {
			return nil, err
		}
		text = append(text, " FOR UPDATE"...)
	}
	rs, err := x.session.query(ctx, "look up rows of "+t.String(), string(text))
	if err != nil {
		return nil, err
	}
	if len(rs) != len(writes) {
		return nil, fmt.Errorf("look up rows of %s: %d answers to %d questions", t, len(rs), len(writes))
	}
	there := make([]bool, len(rs))
	for i := range rs {
		there[i] = len(rs[i].Values) > 0
	}
	return there, nil
}

// writeEach writes rows, each as a statement of its own, and returns those that a unique value stood in the way of.
func (x *tx) writeEach(ctx context.Context, rows []slowRow) ([]slowRow, error) {
	var blocked []slowRow
	for len(rows) > 0 {
		sent := 0
		for sent < min(slowRows, len(rows)) && (sent == 0 || x.fits(rows[sent].write)) {
			if err := x.addAlone(rows[sent]); err != nil {
				return nil, err
			}
			sent++
		}
		done, err := x.run(ctx)
		if err == nil {
			rows = rows[sent:]
			continue
		}
		index, ok := blockedBy(err)
		if !ok {
			return nil, raced(err)
		}
		rows[done].index = index
		blocked = append(blocked, rows[done])
		rows = rows[done+1:]
	}
	return blocked, nil
}

// fits tells whether a row's statement surely fits into what is sent next.
func (x *tx) fits(w *relay.Write) bool {
	const frame = 1 << 10 // headers and bitmaps
	events := len(w.Before) + 2*len(w.After) + len(w.Table.Native) + frame
	return x.lane.script.size()+statementSize(events) <= min(scriptTarget, x.lane.target.can.maxPacket-packetRoom)
}

// addAlone appends a row's own statement to what waits.
func (x *tx) addAlone(r slowRow) error {
	b, sc := x.newBatch(), &x.lane.script
	b.put(r.write, r.op)
	events := b.rows.Events()
	defer b.rows.Reset(x.lane.target.dialect.rows(), firstTable)
	st := step{op: "write row", table: r.write.Table.String(), kind: rowsStep}
	if size := statementSize(len(events)); size+packetRoom > x.lane.target.can.maxPacket {
		return x.tooLarge(st, size)
	}
	sc.end(binlog.AppendStatement(sc.begin(), events), st)
	return nil
}

// racedError says that a row came or went between being looked up and written.
type racedError struct{ err error }

func (e *racedError) Error() string   { return "a row came or went meanwhile: " + e.err.Error() }
func (e *racedError) Unwrap() error   { return e.err }
func (e *racedError) Retryable() bool { return true }

// raced makes a presence error of a row that was just looked up one to try again after.
func raced(err error) error {
	if errors.Is(err, relay.ErrPresence) {
		return &racedError{err}
	}
	return err
}

// blockedBy tells whether another row's unique value stood in the way. A duplicate primary key is not that: the row was
// not there when it was looked up, and trying again will find it.
func blockedBy(err error) (index string, ok bool) {
	var e *Error
	if errors.As(err, &e) && e.Code == codeDuplicateKey && e.Index != "PRIMARY" {
		return e.Index, true
	}
	return "", false
}

// reinsert takes the rows out that stand there, so that all of their unique values are free, and puts all in again.
func (x *tx) reinsert(ctx context.Context, rows []slowRow) error {
	var out, in []slowRow
	for _, r := range rows {
		if r.op == relay.Update {
			out = append(out, slowRow{write: r.write, op: relay.Delete})
		}
		in = append(in, slowRow{write: r.write, op: relay.Insert})
	}
	if len(rows) > 1 && len(out) > 0 {
		if _, err := x.writeEach(ctx, out); err != nil {
			return err
		}
		blocked, err := x.writeEach(ctx, in)
		if err != nil {
			return err
		}
		rows = blocked
	}
	return x.clearWay(ctx, rows)
}

// clearWay writes rows that others are in the way of, if these may be deleted. A row can be blocked once by each unique index.
func (x *tx) clearWay(ctx context.Context, rows []slowRow) error {
	for last := ""; len(rows) > 0; {
		r := rows[0]
		if !r.write.Clear || r.index == last {
			return &BlockedError{Table: r.write.Table.String(), Index: r.index}
		}
		last = r.index
		for _, r := range rows {
			if err := x.deleteHolder(ctx, r); err != nil {
				return err
			}
		}
		if err := x.flush(ctx); err != nil {
			return err
		}
		blocked, err := x.writeEach(ctx, rows)
		if err != nil {
			return err
		}
		if len(blocked) < len(rows) {
			last = ""
		}
		rows = blocked
	}
	return nil
}

// deleteHolder deletes the row that has the value that another one needs in a unique index. Only SQL can: there is no image of that row
// to make a row event of. It needs the DELETE privilege.
func (x *tx) deleteHolder(ctx context.Context, r slowRow) error {
	t := r.write.Table
	known, err := x.lane.target.table(ctx, t)
	if err != nil {
		return err
	}
	if known.problem != nil {
		return known.problem
	}
	values, err := t.Decode(r.write.After)
	if err != nil {
		return err
	}
	for _, index := range known.local.unique {
		if index.name != r.index {
			continue
		}
		if where, ok := holderOf(t, index, values); ok {
			st := step{op: "make room in unique index " + index.name, table: t.String()}
			head := binlog.AppendTable([]byte("DELETE FROM "), t)
			text := append(append(head, " WHERE "...), where...)
			return x.add(ctx, st, len(text), func(packet []byte) []byte { return append(packet, text...) })
		}
	}
	return &BlockedError{Table: t.String(), Index: r.index}
}

// holderOf makes the condition for the row that has a row's values in a unique index. There is none if one of them is NULL or did not come.
func holderOf(t *relay.Table, index localIndex, values []relay.Value) ([]byte, bool) {
	var b []byte
	for i, part := range index.parts {
		if part.column >= len(values) || values[part.column].IsNull() {
			return nil, false
		}
		if i > 0 {
			b = append(b, " AND "...)
		}
		b = appendEqual(b, t.Columns[part.column], part.prefix, values[part.column])
	}
	return b, len(b) > 0
}
