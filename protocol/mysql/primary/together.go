package primary

import (
	"context"
	"time"

	"github.com/octant-db/octant/relay"
)

// Readers that are near each other stay together: the first of them does not push a batch off the shelf that another one has yet to come to, or each
// would read the log for itself. And they come together: replicas that are sent away at once come back at nearly the same time, when the first of them is already
// further than the shelf reaches. While much is left to be read for all, it lets them catch up.
//
// Who is ahead waits for a part of its time only. Then it goes on, and who is slower is soon too far behind to be waited for.
//
// Who waits has promised nothing that somebody else waits for: so what readers may wait does not add up, and slow ones, however many, cost each of the others
// no more than its own allowance.

// together returns when the reader may take the batch that begins with the entry: from the shelf, or from the log.
func (b *browser) together(ctx context.Context, first relay.LSN) {
	moved := b.shelf.awaited(b, first)
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
	for ; moved != nil; moved = b.shelf.awaited(b, first) {
		select {
		case <-moved:
		case <-over.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// awaited returns what is closed when the shelf changes, if the batch with the entry must be read and others should come nearer first; else nil.
func (s *shelf) awaited(b *browser, first relay.LSN) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if there, _ := s.at(first); there != nil || !s.leaves(first, 1) || !s.behind(b, first) && !s.catchingUp(b, first) {
		return nil
	}
	if s.moved == nil {
		s.moved = make(chan struct{})
	}
	return s.moved
}

// behind tells whether the batch with the entry would push one off the shelf that a reader close behind has yet to come to. The lock is held.
func (s *shelf) behind(b *browser, first relay.LSN) bool {
	if s.bytes+batchBytes <= s.most {
		return false
	}
	k, from := s.oldest(), s.leadsFrom(first)
	if k == nil || k.first < from {
		return false
	}
	for other, lsn := range s.readers {
		if other != b && lsn >= from && lsn < k.batch.next() {
			return true
		}
	}
	return false
}

// leaves tells whether the log goes on behind the entry for that many shelves. Where its end is near nobody is waited for: replicas there are to have no lag of others'.
// The lock is held.
func (s *shelf) leaves(entry relay.LSN, shelves int64) bool {
	return entry+s.entries(shelves) <= relay.LSN(s.log.Last())
}

// entries is about how many entries fill that many shelves. The lock is held.
func (s *shelf) entries(shelves int64) relay.LSN {
	return relay.LSN(shelves * s.most / max(s.density, 1))
}

// reach is from how many shelves behind a reader is let catch up.
const reach = 8

// catchingUp tells whether a reader is behind the entry, further than the shelf reaches, but so little that the rest of the log is worth reading together. The lock is held.
func (s *shelf) catchingUp(b *browser, first relay.LSN) bool {
	if !s.leaves(first, reach) {
		return false
	}
	from := s.leadsFrom(first)
	for other, lsn := range s.readers {
		if other != b && lsn < from && first-lsn <= s.entries(reach) {
			return true
		}
	}
	return false
}

// leadsFrom returns the entry from which on the shelf has everything up to this one: who is there comes here without reading. The lock is held.
func (s *shelf) leadsFrom(entry relay.LSN) relay.LSN {
	for i := len(s.batches) - 1; i >= 0; i-- {
		k := s.batches[i]
		if k.first >= entry {
			continue
		}
		if k.batch == nil || k.batch.next() != entry {
			break
		}
		entry = k.first
	}
	return entry
}

// tell wakes those who wait for somebody to go on; the lock is held.
func (s *shelf) tell() {
	if s.moved != nil {
		close(s.moved)
		s.moved = nil
	}
}
