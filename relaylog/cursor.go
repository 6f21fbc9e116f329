package relaylog

import (
	"context"

	"github.com/octant-db/octant/relay"
	"github.com/octant-db/octant/relaylog/segment"
)

// readCount is how many records a cursor takes at once, at most.
const readCount = 256

// cursor reads a stream in order and follows its end. It holds nothing open between calls.
type cursor struct {
	s      *stream
	at     uint64    // the next record's number
	batch  []*record // read ahead; the first one is number at
	files  *segment.Reader
	filed  uint64                // what files reads next
	lend   func(size int) []byte // memory that files are read into; nil: it is made
	closed bool
}

func (s *stream) newCursor(from uint64) (*cursor, error) {
	if _, err := s.available(from); err != nil {
		return nil, err
	}
	return &cursor{s: s, at: from}, nil
}

func (c *cursor) next(ctx context.Context) (*record, error) {
	if c.closed || c.s.db.closed() {
		return nil, relay.ErrClosed
	}
	if len(c.batch) == 0 {
		if err := c.s.waitFor(ctx, c.at); err != nil {
			return nil, err
		}
		batch, err := c.read()
		if err != nil {
			return nil, err
		}
		c.batch = batch
	}
	r := c.batch[0]
	c.batch[0] = nil
	c.batch = c.batch[1:]
	c.at++
	return r, nil
}

// read returns at least one record: from the cache if it has them, else from the files, where it goes on from where it was.
func (c *cursor) read() ([]*record, error) {
	_, last := c.s.bounds()
	limit := int(min(readCount, last-c.at+1))
	if records := c.s.db.cache.get(c.s.id, c.at, limit); len(records) > 0 {
		return records, nil
	}
	if c.files == nil || c.filed != c.at {
		c.files = c.s.db.log.Reader(c.s.id, c.at)
		c.files.Lend(c.lend)
	}
	records, err := c.s.load(c.files, c.at, limit)
	if err != nil {
		c.files = nil
		return nil, err
	}
	c.filed = c.at + uint64(len(records))
	return records, nil
}

func (c *cursor) body(r *record) relay.Body { return c.s.body(r) }

func (c *cursor) close() { c.closed, c.batch = true, nil }

// eagerCursor reads what is committed, durable or not.
type eagerCursor struct{ *cursor }

func (c *eagerCursor) next(ctx context.Context) (*record, error) {
	if len(c.batch) > 0 {
		return c.cursor.next(ctx)
	}
	r, err := c.await(ctx)
	if err != nil {
		return nil, err
	}
	if r == nil {
		return c.cursor.next(ctx)
	}
	c.at++
	return r, nil
}

// await returns when the next record can be read, with the record if it is still on its way to the disk.
func (c *eagerCursor) await(ctx context.Context) (*record, error) {
	for {
		if c.closed || c.s.db.closed() {
			return nil, relay.ErrClosed
		}
		come := c.s.come.wait()
		if r := c.s.expected(c.at); r != nil {
			return r, nil
		}
		ok, err := c.s.available(c.at)
		if ok || err != nil {
			return nil, err
		}
		select {
		case <-come:
		case <-c.s.db.ctx.Done():
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}
