package verify

import (
	"context"
	"hash/fnv"

	"github.com/octant-db/octant/relay"
)

// Regions that order a table's keys differently have no chunks in common. So each is read in its own order, a digest for each row, and rows are put into
// buckets by their keys, which all of them spell alike. Buckets that are the same everywhere are clean; of the others the rows are read again.

// numBuckets is into how many buckets rows are put, and bucketRows how many rows of buckets that differ are held at a time, for each region.
const (
	numBuckets = 1 << 16
	bucketRows = 200_000
)

// bucketOf is the bucket of a row.
func bucketOf(key relay.RowKey) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(key))
	return int(h.Sum32() % numBuckets)
}

// buckets goes through a table that has no order in common.
func (c *comparison) buckets(ctx context.Context) error {
	digests := make([]map[int]relay.SpanDigest, len(c.members))
	err := c.each(ctx, func(ctx context.Context, i int, side relay.Comparison) error {
		digests[i] = map[int]relay.SpanDigest{}
		return c.walk(ctx, i, side, func(d relay.RowDigest) {
			b := digests[i][bucketOf(d.Key)]
			b.Rows++
			for n := range b.Sum {
				b.Sum[n] ^= d.Sum[n]
			}
			digests[i][bucketOf(d.Key)] = b
		})
	})
	if err != nil {
		return err
	}
	for _, d := range digests[0] {
		c.t.Rows += d.Rows
	}
	group, rows := map[int]bool{}, uint64(0)
	for n, most := range differing(digests) {
		if len(group) > 0 && rows+most > bucketRows {
			if err := c.reread(ctx, group); err != nil {
				return err
			}
			group, rows = map[int]bool{}, 0
		}
		group[n] = true
		rows += most
	}
	if len(group) == 0 {
		return nil
	}
	return c.reread(ctx, group)
}

// differing are the buckets that are not the same everywhere, with the number of rows that any member has in them.
func differing(digests []map[int]relay.SpanDigest) map[int]uint64 {
	list := map[int]uint64{}
	for _, some := range digests {
		for n := range some {
			most, same := uint64(0), true
			for _, other := range digests {
				most, same = max(most, other[n].Rows), same && other[n] == some[n]
			}
			if !same {
				list[n] = most
			}
		}
	}
	return list
}

// reread finds the rows of buckets that are not the same everywhere.
func (c *comparison) reread(ctx context.Context, group map[int]bool) error {
	c.t.Rechecked += len(group)
	lists := make([][]relay.RowDigest, len(c.members))
	err := c.each(ctx, func(ctx context.Context, i int, side relay.Comparison) error {
		return c.walk(ctx, -1, side, func(d relay.RowDigest) {
			if group[bucketOf(d.Key)] {
				lists[i] = append(lists[i], d)
			}
		})
	})
	if err != nil {
		return err
	}
	c.collect(lists)
	all := c.suspects
	for len(all) > 0 { // not all of them at a time
		n := min(len(all), maxSuspects)
		c.suspects, all = all[:n:n], all[n:]
		if err := c.settle(ctx); err != nil {
			return err
		}
	}
	return nil
}

// walk reads a member's rows in its own order. The first member's chunks are counted.
func (c *comparison) walk(ctx context.Context, member int, side relay.Comparison, each func(relay.RowDigest)) error {
	size := firstChunk
	for span := (relay.Span{}); ; span.After = span.UpTo {
		began := c.o.Clock.Now()
		var err error
		if span.UpTo, err = side.Bound(ctx, c.t.Table, span.After, size); err != nil {
			return err
		}
		rows, err := side.Rows(ctx, c.t.Table, span)
		if err != nil {
			return err
		}
		for _, d := range rows {
			each(d)
		}
		if member == 0 {
			c.t.Chunks++
		}
		if span.UpTo == "" {
			return nil
		}
		size = c.next(size, c.o.Clock.Now().Sub(began))
		if err := c.rest(ctx, uint64(len(rows)), began); err != nil {
			return err
		}
	}
}
