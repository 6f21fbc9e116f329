package relaylog

import (
	"context"
	"fmt"
	"time"

	"github.com/octant-db/octant/relay"
)

const (
	tidyEvery = 30 * time.Second // how often the housekeeper looks around unasked
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
	m := mark{first: max(first, s.first), since: s.since, before: max(before, s.before)}
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
	s.wakeAll()
	s.db.opts.step("trimmed")
}

// Reset drops a region's stream and lets it go on after base, for a relay that has its data from elsewhere up to there.
// Nobody else may write the stream meanwhile.
func (db *DB) Reset(ctx context.Context, origin relay.Region, base relay.Seq) error {
	s := db.received(origin)
	if err := s.trim(ctx, 1<<64-1); err != nil {
		return err
	}
	s.marking.Lock()
	defer s.marking.Unlock()
	m := mark{first: uint64(base) + 1, since: db.log.End().Segment + 1}
	err := db.queue.do(ctx, &op{pairs: []relay.Pair{m.pair(s.id)}, rotates: true, after: func() { s.restart(m) }})
	if err != nil {
		return fmt.Errorf("reset the relay log: %w", s.errorAt(uint64(base), err))
	}
	return nil
}

func (s *stream) restart(m mark) {
	s.db.cache.forget(s.id)
	s.db.log.Since(s.id, m.since)
	s.mu.Lock()
	s.first, s.last, s.since = m.first, m.first-1, m.since
	s.total, s.before, s.at = 0, 0, 0
	s.draft = cursorOfDrafts{epoch: s.draft.epoch, next: m.first}
	s.mu.Unlock()
	s.wakeAll()
}
