package verify

import (
	"context"
	"time"

	"github.com/octant-db/octant/relay"
)

// comparison is the comparison of one table.
type comparison struct {
	*verifier
	t        *TableReport
	size     int // rows of the next chunk
	suspects []*suspect
}

// maxSuspects is how many rows wait for judgement at most.
const maxSuspects = 2_000

// rows goes through the table, by its order if all members have the same.
func (c *comparison) rows(ctx context.Context) error {
	if c.t.Form != nil && !c.t.Form.Ordered {
		return c.buckets(ctx)
	}
	return c.chunks(ctx)
}

// chunks goes through the table. The first member says where chunks end.
func (c *comparison) chunks(ctx context.Context) error {
	for span := (relay.Span{}); ; span.After = span.UpTo {
		began := c.o.Clock.Now()
		var err error
		if span.UpTo, err = c.members[0].Side.Bound(ctx, c.t.Table, span.After, c.size); err != nil {
			return err
		}
		rows, err := c.chunk(ctx, span)
		if err != nil {
			return err
		}
		if len(c.suspects) >= maxSuspects {
			if err := c.settle(ctx); err != nil {
				return err
			}
		}
		if span.UpTo == "" {
			return nil
		}
		if err := c.rest(ctx, rows, began); err != nil {
			return err
		}
	}
}

// rest keeps to the rate.
func (c *comparison) rest(ctx context.Context, rows uint64, began time.Time) error {
	if c.o.Rate <= 0 {
		return ctx.Err()
	}
	due := time.Duration(float64(rows) / float64(c.o.Rate) * float64(time.Second))
	if left := due - c.o.Clock.Now().Sub(began); left > 0 {
		return relay.Sleep(ctx, c.o.Clock, left)
	}
	return ctx.Err()
}

// chunk compares one chunk and returns its number of rows.
func (c *comparison) chunk(ctx context.Context, span relay.Span) (uint64, error) {
	digests := make([]relay.SpanDigest, len(c.members))
	took := make([]time.Duration, len(c.members))
	err := c.each(ctx, func(ctx context.Context, i int, side relay.Comparison) (err error) {
		began := c.o.Clock.Now()
		digests[i], err = side.Digest(ctx, c.t.Table, span)
		took[i] = c.o.Clock.Now().Sub(began)
		return err
	})
	if err != nil {
		return 0, err
	}
	c.t.Chunks++
	c.t.Rows += digests[0].Rows
	c.resize(took)
	for _, d := range digests {
		if d != digests[0] {
			return digests[0].Rows, c.suspect(ctx, span)
		}
	}
	return digests[0].Rows, nil
}

// resize makes the next chunk as large as the slowest database can digest in chunkTime.
func (c *comparison) resize(took []time.Duration) {
	slowest := time.Duration(0)
	for _, d := range took {
		slowest = max(slowest, d)
	}
	c.size = c.next(c.size, slowest)
}

// next is how many rows come after so many that took so long.
func (c *comparison) next(size int, took time.Duration) int {
	switch {
	case took > 2*chunkTime:
		size /= 2
	case took < chunkTime/2:
		size *= 2
	}
	size = min(max(size, leastChunk), mostChunk)
	if c.o.Rate > 0 {
		size = min(size, max(c.o.Rate/4, leastChunk))
	}
	return size
}

// suspect finds the rows of a chunk that are not the same everywhere.
func (c *comparison) suspect(ctx context.Context, span relay.Span) error {
	c.t.Rechecked++
	lists := make([][]relay.RowDigest, len(c.members))
	err := c.each(ctx, func(ctx context.Context, i int, side relay.Comparison) (err error) {
		lists[i], err = side.Rows(ctx, c.t.Table, span)
		return err
	})
	if err == nil {
		c.collect(lists)
	}
	return err
}

// collect makes suspects of the rows that are not the same in all members' lists.
func (c *comparison) collect(lists [][]relay.RowDigest) {
	type seen struct {
		sum   relay.Sum
		times int
		mixed bool
	}
	rows := map[relay.RowKey]*seen{}
	var order []relay.RowKey
	for _, list := range lists {
		for _, d := range list {
			s := rows[d.Key]
			if s == nil {
				s = &seen{sum: d.Sum}
				rows[d.Key] = s
				order = append(order, d.Key)
			}
			s.times++
			s.mixed = s.mixed || s.sum != d.Sum
		}
	}
	for _, key := range order {
		if s := rows[key]; s.mixed || s.times < len(c.members) {
			c.suspects = append(c.suspects, newSuspect(key, len(c.members)))
		}
	}
}
