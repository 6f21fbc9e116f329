package relaylog

import (
	"context"
	"fmt"
	"time"

	"github.com/dgraph-io/badger/v4"

	"github.com/octant-db/octant/relay"
)

const (
	deleteBatch = 2000             // keys deleted in one op
	trimBatch   = 500              // records whose headers are read at once for it
	tidyEvery   = 30 * time.Second // how often the housekeeper looks around unasked
	gcRatio     = 0.5              // a value-log file is rewritten when this much of it is dead
)

// Trim forgets everything before the number. When it returns, the new beginning is durable and reads below it give
// relay.ErrTrimmed; the disk's space comes back in the background. A number beyond the end trims all there is.
func (s *stream) Trim(before uint64) error {
	return s.trim(context.Background(), before)
}

func (s *stream) trim(ctx context.Context, before uint64) error {
	first, last := s.bounds()
	before = min(before, last+1)
	if before <= first {
		return nil
	}
	bytes, err := s.bytesBefore(before)
	if err != nil {
		return err
	}
	if err := s.moveFirst(ctx, before, bytes); err != nil {
		return fmt.Errorf("trim the relay log: %w", s.errorAt(before, err))
	}
	s.db.wantTidy()
	return nil
}

// bytesBefore returns the native size of all that ever stood before the number, which is at most last+1.
func (s *stream) bytesBefore(number uint64) (int64, error) {
	s.mu.Lock()
	last, total := s.last, s.total
	s.mu.Unlock()
	if number > last {
		return total, nil
	}
	r, err := s.one(number)
	if err != nil {
		return 0, err
	}
	return r.total - r.size(s.codec), nil
}

// moveFirst makes the new beginning durable, then lets the readers see it.
func (s *stream) moveFirst(ctx context.Context, first uint64, before int64) error {
	s.marking.Lock()
	defer s.marking.Unlock()
	s.mu.Lock()
	m := mark{first: max(first, s.first), deleted: s.deleted, before: max(before, s.before)}
	s.mu.Unlock()
	return s.db.queue.do(ctx, &op{
		pairs: []relay.Pair{m.pair(s.id)},
		frees: true,
		after: func() { s.setFirst(m) },
	})
}

func (s *stream) setFirst(m mark) {
	s.mu.Lock()
	s.first, s.before = m.first, m.before
	s.mu.Unlock()
	s.wake.wake()
	s.db.opts.step("trimmed")
}

// deleteTrimmed deletes some of what is before the beginning; false when there is nothing left to do. It goes on from where it
// stopped, because finding the first key behind many deleted ones is slow.
func (s *stream) deleteTrimmed(ctx context.Context) (more bool, err error) {
	s.marking.Lock()
	defer s.marking.Unlock()
	s.mu.Lock()
	from, first, before := s.deleted, s.first, s.before
	s.mu.Unlock()
	if from >= first {
		return false, nil
	}
	ops, end, err := s.deletions(from, first)
	if err != nil {
		return false, err
	}
	m := mark{first: first, deleted: end, before: before}
	ops = append(ops, &op{pairs: []relay.Pair{m.pair(s.id)}, frees: true})
	for _, o := range ops {
		if err := s.db.queue.do(ctx, o); err != nil {
			return false, err
		}
		s.db.opts.step("deleted")
	}
	s.mu.Lock()
	s.deleted = end
	s.mu.Unlock()
	return end < first, nil
}

// deletions returns the ops that delete a batch of records from..to-1 and what belongs to them, and where the batch ends.
func (s *stream) deletions(from, to uint64) (ops []*op, end uint64, err error) {
	end = to
	err = s.db.view(func(txn *badger.Txn) error {
		it := txn.NewIterator(badger.IteratorOptions{Prefix: []byte{recordPrefix, s.id}})
		defer it.Close()
		count := 0
		for it.Seek(recordKey(s.id, from)); it.Valid(); it.Next() {
			number := numberOf(it.Item().Key())
			if number >= to {
				return nil
			}
			if count == trimBatch {
				end = number
				return nil
			}
			ops = append(ops, s.deletion(txn, it.Item())...)
			count++
		}
		return nil
	})
	return mergeDeletes(ops), end, err
}

// deletion returns the ops that delete one record: chunks first, so that the record leads to them until they are gone. The
// checksum is not looked at: what is deleted need not be whole.
func (s *stream) deletion(txn *badger.Txn, item *badger.Item) (ops []*op) {
	key := item.KeyCopy(nil)
	last := &op{frees: true, pairs: []relay.Pair{{Key: key}}}
	_ = item.Value(func(value []byte) error {
		t, err := splitRecord(value)
		if err != nil {
			return nil
		}
		_ = s.deleteChunks(numberOf(key), 0, t.chunks, func(o *op) error { ops = append(ops, o); return nil })
		if head, err := s.codec.decode(t.header); err == nil {
			last.pairs = append(last.pairs, staleKeys(txn, head)...)
		}
		return nil
	})
	return append(ops, last)
}

// staleKeys are the index keys that lead to the entry and to no later one.
func staleKeys(txn *badger.Txn, head header) (pairs []relay.Pair) {
	e, ok := head.(*relay.Entry)
	if !ok {
		return nil
	}
	for _, p := range entryPairs(e) {
		if p.Key[0] == seqPrefix || stillPoints(txn, p.Key, uint64(e.LSN)) {
			pairs = append(pairs, relay.Pair{Key: p.Key})
		}
	}
	return pairs
}

// mergeDeletes joins small ops, keeping their order.
func mergeDeletes(ops []*op) (merged []*op) {
	for _, o := range ops {
		if n := len(merged); n > 0 && len(merged[n-1].pairs)+len(o.pairs) <= deleteBatch {
			merged[n-1].pairs = append(merged[n-1].pairs, o.pairs...)
			continue
		}
		merged = append(merged, o)
	}
	return merged
}

// Reset drops a region's stream and lets it go on after base, for a relay that has its data from elsewhere up to there.
// Nobody else may write the stream meanwhile.
func (db *DB) Reset(ctx context.Context, origin relay.Region, base relay.Seq) error {
	s := db.received(origin)
	if err := s.trim(ctx, 1<<64-1); err != nil {
		return err
	}
	for more := true; more; {
		var err error
		if more, err = s.deleteTrimmed(ctx); err != nil {
			return err
		}
	}
	s.marking.Lock()
	defer s.marking.Unlock()
	m := mark{first: uint64(base) + 1, deleted: uint64(base) + 1}
	err := db.queue.do(ctx, &op{pairs: []relay.Pair{m.pair(s.id)}, after: func() { s.restart(m) }})
	if err != nil {
		return fmt.Errorf("reset the relay log: %w", s.errorAt(uint64(base), err))
	}
	return nil
}

func (s *stream) restart(m mark) {
	s.db.cache.forget(s.id)
	s.mu.Lock()
	s.first, s.last, s.deleted = m.first, m.first-1, m.deleted
	s.total, s.before, s.at = 0, 0, 0
	s.draft = cursorOfDrafts{epoch: s.draft.epoch, next: m.first}
	s.mu.Unlock()
	s.wake.wake()
}
