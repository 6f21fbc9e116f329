package relaylog

import (
	"errors"
	"fmt"

	"github.com/octant-db/octant/relay"
	"github.com/octant-db/octant/relaylog/segment"
)

// one returns a record that is there already.
func (s *stream) one(number uint64) (*record, error) {
	ok, err := s.available(number)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, s.errorAt(number, relay.ErrNotFound)
	}
	if records := s.db.cache.get(s.id, number, 1); len(records) > 0 {
		return records[0], nil
	}
	records, err := s.load(s.db.log.Reader(s.id, number), number, 1)
	if err != nil {
		return nil, err
	}
	return records[0], nil
}

// load reads up to limit records from the files, from a visible number on, and at least one.
func (s *stream) load(r *segment.Reader, from uint64, limit int) ([]*record, error) {
	if err := s.db.enter(); err != nil {
		return nil, err
	}
	defer s.db.leave()
	items, err := r.Batch(limit)
	if err != nil {
		return nil, s.trimmedOr(from, s.errorAt(from, fmt.Errorf("%w: %w", relay.ErrCorrupt, err)))
	}
	records := make([]*record, len(items))
	for i, it := range items {
		if records[i], err = decodeRecord(s.codec, recordKey(s.id, it.Number), it.Value); err != nil {
			return nil, s.errorAt(it.Number, err)
		}
	}
	return records, nil
}

// trimmedOr returns err, unless the record was trimmed meanwhile.
func (s *stream) trimmedOr(number uint64, err error) error {
	if _, trimmed := s.available(number); trimmed != nil {
		return trimmed
	}
	return err
}

// body yields the record's bytes: those that are in memory, or chunk by chunk from the files.
func (s *stream) body(r *record) relay.Body {
	return func(yield func([]byte, error) bool) {
		if len(r.native) > 0 && !yield(r.native, nil) {
			return
		}
		if r.chunks == 0 {
			return
		}
		chunks := s.db.log.Chunks(s.id, r.number)
		for i := range r.chunks {
			chunk, err := s.chunk(chunks, r.number, i)
			if !yield(chunk, err) || err != nil {
				return
			}
		}
	}
}

func (s *stream) chunk(chunks *segment.Chunks, number uint64, index uint32) ([]byte, error) {
	if err := s.db.enter(); err != nil {
		return nil, err
	}
	defer s.db.leave()
	value, found, err := chunks.Read(index)
	switch {
	case err != nil:
		err = fmt.Errorf("%w: %w", relay.ErrCorrupt, err)
	case !found:
		err = fmt.Errorf("missing: %w", relay.ErrCorrupt)
	default:
		value, err = unseal(chunkKey(s.id, number, index), value)
	}
	if err != nil && !errors.Is(err, relay.ErrClosed) {
		return nil, s.trimmedOr(number, s.errorAt(number, fmt.Errorf("chunk %d: %w", index, err)))
	}
	return value, nil
}
