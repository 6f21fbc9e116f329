package relaylog

import (
	"context"

	"github.com/octant-db/octant/relay"
)

// A cursor takes records in batches: from the cache as many as are there, from the disk what fits into readBytes.
const (
	readCount = 256
	readBytes = 1 << 20
)

// cursor reads a stream in order and follows its end. It holds nothing of Badger's between calls.
type cursor struct {
	s      *stream
	at     uint64    // the next record's number
	batch  []*record // read ahead; the first one is number at
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
		batch, err := c.s.read(c.at)
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

func (c *cursor) close() { c.closed, c.batch = true, nil }
