package relaylog

import (
	"errors"
	"fmt"
	"slices"

	"github.com/dgraph-io/badger/v4"

	"github.com/octant-db/octant/relay"
)

// read returns at least one record from the visible number on.
func (s *stream) read(from uint64) ([]*record, error) {
	_, last := s.bounds()
	limit := int(min(readCount, last-from+1))
	if records := s.db.cache.get(s.id, from, limit); len(records) > 0 {
		return records, nil
	}
	return s.load(from, limit)
}

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
	records, err := s.load(number, 1)
	if err != nil {
		return nil, err
	}
	return records[0], nil
}

// load reads up to limit records from Badger, as many as fit into readBytes and at least one.
func (s *stream) load(from uint64, limit int) (records []*record, err error) {
	err = s.db.view(func(txn *badger.Txn) error {
		records, err = s.scan(txn, from, limit)
		return err
	})
	if err != nil {
		return nil, s.trimmedOr(from, err)
	}
	return records, nil
}

func (s *stream) scan(txn *badger.Txn, from uint64, limit int) ([]*record, error) {
	it := txn.NewIterator(badger.IteratorOptions{Prefix: []byte{recordPrefix, s.id}})
	defer it.Close()
	var records []*record
	var arena []byte
	next := from
	for it.Seek(recordKey(s.id, from)); it.Valid() && len(records) < limit; it.Next() {
		item := it.Item()
		size := int(item.ValueSize())
		if len(records) > 0 && len(arena)+size > cap(arena) {
			break
		}
		if arena == nil {
			arena = make([]byte, 0, arenaSize(size, limit))
		}
		value, err := copyValue(item, &arena)
		if err != nil {
			return nil, s.errorAt(next, err)
		}
		r, err := decodeRecord(s.codec, item.Key(), value)
		if err != nil {
			return nil, s.errorAt(numberOf(item.Key()), err)
		}
		if r.number != next {
			break
		}
		records = append(records, r)
		next++
	}
	s.db.touched(int64(len(arena)))
	if len(records) == 0 {
		return nil, s.errorAt(from, fmt.Errorf("it is missing: %w", relay.ErrCorrupt))
	}
	return records, nil
}

// arenaSize guesses from the first value how much limit of them need, within readBytes.
func arenaSize(first, limit int) int {
	return max(first, min(first*limit*5/4, readBytes))
}

// copyValue appends the item's value to the arena and returns it there.
func copyValue(item *badger.Item, arena *[]byte) ([]byte, error) {
	start := len(*arena)
	err := item.Value(func(value []byte) error {
		*arena = append(*arena, value...)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", relay.ErrCorrupt, err)
	}
	return slices.Clip((*arena)[start:]), nil
}

// trimmedOr returns err, unless the record was trimmed meanwhile.
func (s *stream) trimmedOr(number uint64, err error) error {
	if _, trimmed := s.available(number); trimmed != nil {
		return trimmed
	}
	return err
}

// body yields the record's bytes: those that are in memory, or chunk by chunk from Badger.
func (s *stream) body(r *record) relay.Body {
	return func(yield func([]byte, error) bool) {
		if len(r.native) > 0 && !yield(r.native, nil) {
			return
		}
		for i := range r.chunks {
			chunk, err := s.chunk(r.number, i)
			if !yield(chunk, err) || err != nil {
				return
			}
		}
	}
}

func (s *stream) chunk(number uint64, index uint32) (chunk []byte, err error) {
	err = s.db.view(func(txn *badger.Txn) error {
		chunk, err = get(txn, chunkKey(s.id, number, index))
		return err
	})
	if errors.Is(err, relay.ErrNotFound) {
		err = fmt.Errorf("missing: %w", relay.ErrCorrupt)
	}
	if err != nil && !errors.Is(err, relay.ErrClosed) {
		err = s.trimmedOr(number, s.errorAt(number, fmt.Errorf("chunk %d: %w", index, err)))
	}
	s.db.touched(int64(len(chunk)))
	return chunk, err
}
