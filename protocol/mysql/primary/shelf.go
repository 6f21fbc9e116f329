package primary

import (
	"errors"
	"sort"
	"sync"

	"github.com/octant-db/octant/relay"
)

// shelf keeps the batches that were read last: several replicas that are near each other read the log once. Those who use a batch say when they have done so; it may have
// been dropped from the shelf by then. When the last one has let go of it, its memory is used for another one.
type shelf struct {
	log     relay.LocalStream
	most    int64 // bytes kept
	windows windows

	mu      sync.Mutex
	readers map[*browser]relay.LSN // what each asked for last
	moved   chan struct{}          // closed when a reader goes on or a batch comes; nil if nobody waits for that
	large   map[relay.LSN]*sharedBody
	batches []*kept // by first entry, rising; they do not overlap
	bytes   int64
	density int64 // bytes an entry, of the batch that was read last; 0 if none was
	clock   uint64
}

// mostBatches bounds the shelf where batches are small: at the end of the log there is one for each entry.
const mostBatches = 1024

// errUnfinished is what those hear who wait for a batch whose reader did not come back.
var errUnfinished = errors.New("the batch was not read")

// kept is a batch on the shelf, or one that somebody is reading.
type kept struct {
	first relay.LSN
	used  uint64        // when
	users int32         // that wait for it; then they are the batch's
	ready chan struct{} // closed when batch or err is there
	batch *batch
	err   error
}

func newShelf(log relay.LocalStream, bytes int64) *shelf {
	return &shelf{log: log, most: bytes, large: map[relay.LSN]*sharedBody{}, readers: map[*browser]relay.LSN{}}
}

// reads notes where a reader is.
func (s *shelf) reads(b *browser, lsn relay.LSN) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.readers[b] = lsn
	s.tidy()
	s.tell()
}

// quits forgets a reader.
func (s *shelf) quits(b *browser) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.readers, b)
	s.tell()
}

// tidy drops the batches that all readers have behind them: nobody comes back to them, and the less memory is in turns, the more of it stays in the processor's
// cache. The lock is held.
func (s *shelf) tidy() {
	first := relay.LSN(0)
	for _, lsn := range s.readers {
		if first == 0 || lsn < first {
			first = lsn
		}
	}
	for len(s.batches) > 0 && s.batches[0].batch != nil && s.batches[0].batch.next() <= first {
		s.remove(s.batches[0])
	}
}

// remove drops a batch that is there; the lock is held.
func (s *shelf) remove(k *kept) {
	s.bytes -= k.batch.cost()
	s.drop(k)
	k.batch.release()
}

// find returns what the shelf has of an entry. mine says that it had nothing, and that the caller must now read a batch which begins with
// the entry and ends before end, if that is not 0. If the caller will use the batch, it becomes one of its users once it is there.
func (s *shelf) find(lsn relay.LSN, use bool) (k *kept, end relay.LSN, mine bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clock++
	k, after := s.at(lsn)
	if k != nil {
		k.used = s.clock
		k.share(use)
		return k, 0, false
	}
	if after < len(s.batches) {
		end = s.batches[after].first
	}
	s.tell()
	k = &kept{first: lsn, used: s.clock, ready: make(chan struct{})}
	k.share(use)
	s.batches = append(s.batches, nil)
	copy(s.batches[after+1:], s.batches[after:])
	s.batches[after] = k
	return k, end, true
}

// at returns the batch with the entry, or which will begin with it, nil if there is none; and how many begin before the entry or with it. The lock is held.
func (s *shelf) at(lsn relay.LSN) (k *kept, after int) {
	after = sort.Search(len(s.batches), func(i int) bool { return s.batches[i].first > lsn })
	if after == 0 {
		return nil, 0
	}
	k = s.batches[after-1]
	if k.first == lsn || k.batch != nil && lsn < k.batch.next() {
		return k, after
	}
	return nil, after
}

// share adds a user; the shelf's lock is held.
func (k *kept) share(use bool) {
	switch {
	case !use:
	case k.batch != nil:
		k.batch.users.Add(1)
	default:
		k.users++
	}
}

// filled counts a batch that was read, or forgets one that could not be, and makes room.
func (s *shelf) filled(k *kept, b *batch, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer close(k.ready)
	if k.err = err; err != nil {
		s.drop(k)
		return
	}
	b.users.Store(k.users + 1) // the shelf is one
	k.batch = b
	s.bytes += b.cost()
	s.density = b.cost() / int64(len(b.entries))
	s.tidy()
	for s.bytes > s.most || len(s.batches) > mostBatches {
		oldest := s.oldest()
		if oldest == nil {
			return
		}
		s.remove(oldest)
	}
}

// oldest returns the batch that nobody has asked for the longest time.
func (s *shelf) oldest() *kept {
	var oldest *kept
	for _, k := range s.batches {
		if k.batch != nil && (oldest == nil || k.used < oldest.used) {
			oldest = k
		}
	}
	return oldest
}

func (s *shelf) drop(k *kept) {
	for i := range s.batches {
		if s.batches[i] == k {
			s.batches = append(s.batches[:i], s.batches[i+1:]...)
			return
		}
	}
}
