package relaylog

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"

	"github.com/dgraph-io/badger/v4"

	"github.com/octant-db/octant/relay"
)

// stream is what the local stream and the received ones have in common: numbered records.
type stream struct {
	db    *DB
	id    byte // 0: the local one, else the region
	name  string
	codec codec
	wake  broadcast // last or first moved, a group failed, or the log is being closed
	come  broadcast // a record was committed, or wake was

	marking sync.Mutex // held while a mark is made and becomes durable; before mu

	mu     sync.Mutex
	first  uint64
	last   uint64 // durable and visible
	total  int64  // native bytes up to and including last
	before int64  // native bytes before first
	at     int64  // of last
	since  uint64 // the segment in which the stream begins
	draft  cursorOfDrafts
	desk   []byte    // where drafts are written, of about a chunk's size at most; nil while one is open
	queued []*record // committed and not yet durable; at the end of them what was sent ahead and is not confirmed

	runners []*runner // were sent ahead and are not yet durable
	torn    bool      // some that were sent ahead were dropped, and nobody has asked for it
	copies  []*record // that a crash or a failed write has left behind, in order
}

// cursorOfDrafts is where the next record goes. It runs ahead of what is durable, and is set back when an epoch ends.
type cursorOfDrafts struct {
	epoch uint64
	next  uint64
	total int64
	at    int64
	open  bool
}

// mark is the durable form of a stream's beginning.
type mark struct {
	first, since uint64
	before       int64
}

func (m mark) pair(stream byte) relay.Pair {
	key := markKey(stream)
	payload := binary.BigEndian.AppendUint64(nil, m.first)
	payload = binary.BigEndian.AppendUint64(payload, m.since)
	payload = binary.BigEndian.AppendUint64(payload, uint64(m.before))
	return relay.Pair{Key: key, Value: seal(key, payload)}
}

func readMark(txn *badger.Txn, stream byte) (mark, error) {
	payload, err := get(txn, markKey(stream))
	if errors.Is(err, relay.ErrNotFound) {
		return mark{first: 1}, nil
	}
	if err != nil {
		return mark{}, err
	}
	if len(payload) != 24 {
		return mark{}, fmt.Errorf("%d bytes where 24 belong: %w", len(payload), relay.ErrCorrupt)
	}
	return mark{
		first:  binary.BigEndian.Uint64(payload),
		since:  binary.BigEndian.Uint64(payload[8:]),
		before: int64(binary.BigEndian.Uint64(payload[16:])),
	}, nil
}

// First returns the first visible number, Last()+1 when there is none.
func (s *stream) First() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.first
}

// Last returns the last visible number.
func (s *stream) Last() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last
}

// Bytes returns the native size of what is kept.
func (s *stream) Bytes() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.total - s.before
}

func (s *stream) bounds() (first, last uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.first, s.last
}

// publish makes the record visible. The readers are woken with the last one of a group.
func (s *stream) publish(r *record, wake bool) {
	s.db.cache.add(s.id, r)
	s.mu.Lock()
	s.last, s.total, s.at = r.number, r.total, r.at
	s.unqueue(r)
	s.mu.Unlock()
	if wake {
		s.wakeAll()
	}
}

func (s *stream) wakeAll() {
	s.wake.wake()
	s.come.wake()
}

// unqueue takes a record that became durable off those that wait; the stream's lock is held.
func (s *stream) unqueue(r *record) {
	if len(s.queued) > 0 && s.queued[0] == r {
		s.queued[0] = nil
		s.queued = s.queued[1:]
	}
	if len(s.runners) > 0 && s.runners[0].op.record == r {
		s.runners[0] = nil
		s.runners = s.runners[1:]
	}
}

// lose forgets what waited to become durable when an epoch ended, and never will. What was begun in the next one is left alone.
func (s *stream) lose(next uint64) {
	s.mu.Lock()
	if s.draft.epoch != next {
		s.beginEpoch(next)
	}
	s.mu.Unlock()
	s.wakeAll()
}

// expected returns a record that is on its way to the disk, nil if there is none with that number. One whose bytes are in chunks does not count: they are
// read from the files.
func (s *stream) expected(number uint64) *record {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.queued) == 0 || number < s.queued[0].number || number-s.queued[0].number >= uint64(len(s.queued)) {
		return nil
	}
	if r := s.queued[number-s.queued[0].number]; r.chunks == 0 {
		return r
	}
	return nil
}

// available tells whether the number can be read now; an error if it never can.
func (s *stream) available(number uint64) (bool, error) {
	first, last := s.bounds()
	if number < first {
		return false, s.errorAt(number, fmt.Errorf("the first kept is %d: %w", first, relay.ErrTrimmed))
	}
	return number <= last, nil
}

// waitFor returns when the number can be read.
func (s *stream) waitFor(ctx context.Context, number uint64) error {
	for {
		wake := s.wake.wait()
		ok, err := s.available(number)
		if ok || err != nil {
			return err
		}
		if s.db.closed() {
			return relay.ErrClosed
		}
		select {
		case <-wake:
		case <-s.db.ctx.Done():
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (s *stream) durable(number uint64) bool { return s.Last() >= number }

// await returns when the number is as it should be. Closing the log makes durable what was committed, so it is waited for.
func (s *stream) await(ctx context.Context, number uint64, done func(uint64) bool) error {
	epoch := s.db.queue.epochNow()
	for {
		wake := s.wake.wait()
		if done(number) {
			return nil
		}
		if err := s.lost(number, epoch); err != nil {
			return err
		}
		select {
		case <-wake:
		case <-s.db.drained:
			if !done(number) {
				return relay.ErrClosed
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// lost tells why the number will not become durable by what was committed in the epoch or before.
func (s *stream) lost(number, epoch uint64) error {
	if err := s.db.queue.outcome(epoch); err != nil {
		return err
	}
	s.mu.Lock()
	pending := s.draft.epoch == epoch && number < s.draft.next
	s.mu.Unlock()
	if pending {
		return nil
	}
	return s.db.Err()
}

func (s *stream) errorAt(number uint64, err error) error {
	return fmt.Errorf("relay log: %s %d: %w", s.name, number, err)
}
