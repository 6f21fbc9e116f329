package join

import (
	"bytes"
	"context"
	"errors"

	"github.com/octant-db/octant/relay"
)

// errNoLeveller is what a kind of database gives of which single rows cannot be changed here.
var errNoLeveller = errors.New("rows cannot be kept in this kind of database: say --replace")

// keepTable brings a table to what the donor's is, chunk by chunk, and writes only rows that are not the same: what a region has that lost its relay's log is right for the most
// part. As with rows that are copied, what the donor's log says of the time since it was begun is done again later, so it does not matter when a chunk was read.
func (n *Newcomer) keepTable(ctx context.Context, t *tableNote, speed *pace) error {
	l, able := n.Copier.(relay.Leveller)
	if !able {
		return errNoLeveller
	}
	last := n.Clock.Now()
	for limit := firstRows; ; {
		if err := speed.lag.await(ctx); err != nil {
			return err
		}
		b, err := n.Donor.Side.Read(ctx, t.Name, t.After, limit)
		if err != nil {
			return err
		}
		span := relay.Span{After: t.After, UpTo: b.Last}
		if b.Rows < limit {
			span.UpTo = "" // what is here behind the donor's last row too
		}
		if err := n.level(ctx, l, t.Name, span, b); err != nil {
			return err
		}
		if b.Rows < limit {
			t.Copied += uint64(b.Rows)
			return n.finish(ctx, t)
		}
		if err := n.noteChunk(ctx, t, b.Last, b.Rows, &last); err != nil {
			return err
		}
		limit = nextRows(limit, b.Rows, len(b.Data))
		if err := speed.passed(ctx, b.Rows); err != nil {
			return err
		}
	}
}

// level makes the rows of a span what the donor's are, of which there are as many as in the batch.
func (n *Newcomer) level(ctx context.Context, l relay.Leveller, table string, span relay.Span, theirs relay.RowBatch) error {
	ours, err := l.ReadSpan(ctx, table, span, theirs.Rows+1)
	if err != nil || ours.Rows == theirs.Rows && bytes.Equal(ours.Data, theirs.Data) {
		return err
	}
	rows, err := l.Split(ctx, table, theirs)
	if err != nil {
		return err
	}
	want := make(map[relay.RowKey][]byte, len(rows))
	for _, r := range rows {
		want[r.Key] = r.Data
	}
	if err := n.drop(ctx, l, table, span, want); err != nil {
		return err
	}
	batch := relay.RowBatch{Last: theirs.Last}
	for _, r := range rows { // those that are the same are no longer wanted
		if data, wanted := want[r.Key]; wanted {
			batch.Rows, batch.Data = batch.Rows+1, append(batch.Data, data...)
		}
	}
	if batch.Rows == 0 {
		return nil
	}
	return n.put(ctx, table, batch)
}

// drop tells of the rows of a span that are other than they shall be, deletes those that shall not be there, and takes from want those that are right.
func (n *Newcomer) drop(ctx context.Context, l relay.Leveller, table string, span relay.Span, want map[relay.RowKey][]byte) error {
	for {
		b, err := l.ReadSpan(ctx, table, span, firstRows)
		if err != nil {
			return err
		}
		rows, err := l.Split(ctx, table, b)
		if err != nil {
			return err
		}
		var extra []relay.RowKey
		for _, r := range rows {
			data, there := want[r.Key]
			switch {
			case !there:
				extra = append(extra, r.Key)
				n.lose(table, r.Key, true)
			case bytes.Equal(data, r.Data):
				delete(want, r.Key)
			default:
				n.lose(table, r.Key, false)
			}
		}
		if err := l.Remove(ctx, table, extra); err != nil {
			return err
		}
		if b.Rows < firstRows {
			return nil
		}
		span.After = b.Last
	}
}

func (n *Newcomer) lose(table string, key relay.RowKey, gone bool) {
	if n.Options.Lost != nil {
		n.Options.Lost(table, key, gone)
	}
}
