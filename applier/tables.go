package applier

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/octant-db/octant/relay"
)

// tableStore numbers the table descriptions that saved registers need, so that each is stored once. Number 0 is no table.
type tableStore struct {
	numbers map[string]uint32 // by flavour and native description
	byNo    map[uint32]*relay.Table
	stored  map[uint32]bool
	last    uint32 // number given
}

func openTables(store relay.Store, parse func(relay.Flavour, []byte) (*relay.Table, error)) (*tableStore, error) {
	s := &tableStore{numbers: make(map[string]uint32), byNo: make(map[uint32]*relay.Table), stored: make(map[uint32]bool)}
	for pair, err := range store.Scan([]byte("t"), nil) {
		if err != nil {
			return nil, fmt.Errorf("read table descriptions: %w", err)
		}
		if len(pair.Key) != 5 || len(pair.Value) == 0 || len(pair.Value) <= int(pair.Value[0]) {
			return nil, fmt.Errorf("read table descriptions: %w", relay.ErrCorrupt)
		}
		flavour := relay.Flavour(pair.Value[1 : 1+pair.Value[0]])
		native := append([]byte(nil), pair.Value[1+len(flavour):]...)
		t, err := parse(flavour, native)
		if err != nil {
			return nil, fmt.Errorf("read table descriptions: %w", err)
		}
		n := binary.BigEndian.Uint32(pair.Key[1:])
		s.add(n, t)
		s.stored[n] = true
	}
	return s, nil
}

func (s *tableStore) add(n uint32, t *relay.Table) {
	s.numbers[descriptionOf(t)] = n
	s.byNo[n] = t
	s.last = max(s.last, n)
}

// save returns the table's number, and writes its description if it is not in the Store yet: before any register that names it, since
// batches do not become durable in their order.
func (s *tableStore) save(ctx context.Context, w *writer, t *relay.Table) (uint32, error) {
	if t == nil {
		return 0, nil
	}
	description := descriptionOf(t)
	n, known := s.numbers[description]
	if !known {
		n = s.last + 1
		s.add(n, t)
	}
	if s.stored[n] {
		return n, nil
	}
	w.put(binary.BigEndian.AppendUint32([]byte("t"), n), []byte(description))
	s.stored[n] = true
	return n, w.flush(ctx)
}

// distrust has every description written again when it is used.
func (s *tableStore) distrust() { clear(s.stored) }

func (s *tableStore) table(n uint32) (*relay.Table, error) {
	t := s.byNo[n]
	if t == nil {
		return nil, fmt.Errorf("table description %d is missing: %w", n, relay.ErrCorrupt)
	}
	return t, nil
}

// descriptionOf joins flavour and native description, the length of the first in front.
func descriptionOf(t *relay.Table) string {
	return string(append([]byte{byte(len(t.Flavour))}, t.Flavour...)) + string(t.Native)
}
