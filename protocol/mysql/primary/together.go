package primary

import (
	"context"
	"time"

	"github.com/octant-db/octant/relay"
)

// Readers that are near each other stay together: the first of them does not push a batch off the shelf that another one has yet to come to, or each
// would read the log for itself. It waits for a part of its time only. Then it goes on, and who is slower is soon too far behind to be waited for.
//
// Who waits has promised nothing that somebody else waits for: so what readers may wait does not add up, and slow ones, however many, cost each of the others
// no more than its own allowance.

// together returns when the reader may take the batch that begins with the entry: from the shelf, or from the log.
func (b *browser) together(ctx context.Context, first relay.LSN) {
	moved := b.shelf.behind(b, first)
	if moved == nil {
		return
	}
	left := b.allowance.left(time.Now())
	if left <= 0 {
		return
	}
	defer func() { b.allowance.waited(time.Now()) }()
	over := time.NewTimer(left)
	defer over.Stop()
	for ; moved != nil; moved = b.shelf.behind(b, first) {
		select {
		case <-moved:
		case <-over.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// behind returns what is closed when the shelf changes, if the batch with the entry must be read and would push one off that a reader close behind has yet to
// come to; else nil.
func (s *shelf) behind(b *browser, first relay.LSN) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if there, _ := s.at(first); there != nil || s.bytes+batchBytes <= s.most {
		return nil
	}
	k := s.oldest()
	if k == nil || !s.leadsTo(k, first) {
		return nil
	}
	for other, lsn := range s.readers {
		if other == b || lsn < s.batches[0].first || lsn >= k.batch.next() {
			continue
		}
		if s.moved == nil {
			s.moved = make(chan struct{})
		}
		return s.moved
	}
	return nil
}

// leadsTo tells whether the shelf has everything from the batch on up to the entry: who is there comes from here. The lock is held.
func (s *shelf) leadsTo(from *kept, first relay.LSN) bool {
	next := from.first
	for _, k := range s.batches {
		if k.first < from.first {
			continue
		}
		if k.first != next || k.batch == nil {
			return false
		}
		next = k.batch.next()
	}
	return next == first
}

// tell wakes those who wait for somebody to go on; the lock is held.
func (s *shelf) tell() {
	if s.moved != nil {
		close(s.moved)
		s.moved = nil
	}
}
