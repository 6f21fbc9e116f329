package join

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/octant-db/octant/relay"
)

// What a chunk should have: rows to begin with, and bytes once it is known how large they are.
const (
	firstRows  = 500
	chunkBytes = 1 << 20
	maxRows    = 20_000
)

// copyAll copies what has not been copied yet, one table after the other.
func (n *Newcomer) copyAll(ctx context.Context) error {
	speed := newPace(n.Options.Rate, n.Clock)
	speed.lag = &limit{n: n}
	for i := range n.note.Tables {
		if t := &n.note.Tables[i]; !t.Done {
			bring := n.copyTable
			switch {
			case n.note.Keep:
				bring = n.keepTable
			case n.foreign:
				bring = n.convertTable
			}
			if err := bring(ctx, t, speed); err != nil {
				return fmt.Errorf("join: copy table %s: %w", t.Name, err)
			}
		}
	}
	return nil
}

// chunk is some rows on their way. Done is closed when they have been written.
type chunk struct {
	relay.RowBatch
	done chan struct{}
}

// copyTable reads a table's chunks one after the other and writes several of them at a time. What is noted is how far they have been written
// without a gap.
func (n *Newcomer) copyTable(parent context.Context, t *tableNote, speed *pace) error {
	g, ctx := errgroup.WithContext(parent)
	writers := n.Options.Writers
	if writers == 0 {
		writers = DefaultWriters()
	}
	work, order := make(chan *chunk), make(chan *chunk, writers)
	g.Go(func() error {
		defer close(work)
		defer close(order)
		return n.read(ctx, t.Name, t.After, work, order, speed)
	})
	for range writers {
		g.Go(func() error { return n.write(ctx, t.Name, work) })
	}
	g.Go(func() error { return n.noteChunks(ctx, t, order) })
	if err := g.Wait(); err != nil {
		return err
	}
	return n.finish(parent, t)
}

// finish notes that a table is done.
func (n *Newcomer) finish(ctx context.Context, t *tableNote) error {
	t.Done = true
	n.tell(false)
	return n.save(ctx)
}

func (n *Newcomer) read(ctx context.Context, table string, after relay.RowKey, work, order chan<- *chunk, speed *pace) error {
	for limit := firstRows; ; {
		if err := speed.lag.await(ctx); err != nil {
			return err
		}
		b, err := n.Donor.Side.Read(ctx, table, after, limit)
		if err != nil || b.Rows == 0 {
			return err
		}
		c := &chunk{b, make(chan struct{})}
		for _, to := range []chan<- *chunk{order, work} {
			select {
			case to <- c:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		if err := speed.passed(ctx, b.Rows); err != nil {
			return err
		}
		if b.Rows < limit {
			return nil
		}
		after, limit = b.Last, nextRows(limit, b.Rows, len(b.Data))
	}
}

// nextRows is how many rows the next chunk should have, after one with so many rows and bytes.
func nextRows(limit, rows, size int) int {
	fits := chunkBytes / max(1, size/rows)
	return min(max(1, fits), 4*limit, maxRows)
}

// writeTries is how often a chunk is written that something stands in the way of: each time the same rows come to stand there.
const writeTries = 10

func (n *Newcomer) write(ctx context.Context, table string, work <-chan *chunk) error {
	for c := range work {
		if err := n.put(ctx, table, c.RowBatch); err != nil {
			return err
		}
		close(c.done)
	}
	return nil
}

// put writes a chunk, however often that takes.
func (n *Newcomer) put(ctx context.Context, table string, b relay.RowBatch) error {
	for attempt := 0; ; attempt++ {
		err := n.Copier.Write(ctx, table, b)
		if err == nil || attempt == writeTries || ctx.Err() != nil {
			return err
		}
		n.Logger.Warn("a chunk is written once more", "table", table, "error", err)
		if err := relay.Sleep(ctx, n.Clock, 50*time.Millisecond<<min(attempt, 5)); err != nil {
			return err
		}
	}
}

// noteEvery is how often is noted how far it has come. Each time the disk is waited for.
const noteEvery = 200 * time.Millisecond

func (n *Newcomer) noteChunks(ctx context.Context, t *tableNote, order <-chan *chunk) error {
	last := n.Clock.Now()
	for c := range order {
		select {
		case <-c.done:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if err := n.noteChunk(ctx, t, c.Last, c.Rows, &last); err != nil {
			return err
		}
	}
	return nil
}

// noteChunk notes how far a table has come, and writes that down if it is time: last is when that was.
func (n *Newcomer) noteChunk(ctx context.Context, t *tableNote, upTo relay.RowKey, rows int, last *time.Time) error {
	t.After, t.Copied = upTo, t.Copied+uint64(rows)
	now := n.Clock.Now()
	if now.Sub(*last) < noteEvery {
		return nil
	}
	if err := n.save(ctx); err != nil {
		return err
	}
	*last = now
	n.tell(false)
	return nil
}

// pace holds back what goes faster than it may, or while others are behind.
type pace struct {
	rate  int
	clock relay.Clock
	due   time.Time
	lag   *limit
}

func newPace(rate int, clock relay.Clock) *pace {
	return &pace{rate: rate, clock: clock, due: clock.Now()}
}

func (p *pace) passed(ctx context.Context, rows int) error {
	if p.rate <= 0 {
		return nil
	}
	now := p.clock.Now()
	if p.due.Before(now) {
		p.due = now
	}
	p.due = p.due.Add(time.Duration(rows) * time.Second / time.Duration(p.rate))
	return relay.Sleep(ctx, p.clock, p.due.Sub(now))
}
