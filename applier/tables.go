package applier

import (
	"encoding/binary"
	"fmt"

	"github.com/octant-db/octant/relay"
)

// tableStore numbers the table descriptions that saved registers need, so that each is stored once. Number 0 is no table.
type tableStore struct {
	numbers map[string]uint32 // by flavour and native description
	byNo    map[uint32]*relay.Table
	fresh   []uint32
}

func openTables(store relay.Store, parse func(relay.Flavour, []byte) (*relay.Table, error)) (*tableStore, error) {
	s := &tableStore{numbers: make(map[string]uint32), byNo: make(map[uint32]*relay.Table)}
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
		s.add(binary.BigEndian.Uint32(pair.Key[1:]), t)
	}
	return s, nil
}

func (s *tableStore) add(n uint32, t *relay.Table) {
	s.numbers[descriptionOf(t)] = n
	s.byNo[n] = t
}

// number returns the table's number, giving it one if it has none yet.
func (s *tableStore) number(t *relay.Table) (uint32, error) {
	if t == nil {
		return 0, nil
	}
	if n, ok := s.numbers[descriptionOf(t)]; ok {
		return n, nil
	}
	n := uint32(len(s.byNo) + 1)
	s.add(n, t)
	s.fresh = append(s.fresh, n)
	return n, nil
}

func (s *tableStore) table(n uint32) (*relay.Table, error) {
	t := s.byNo[n]
	if t == nil {
		return nil, fmt.Errorf("table description %d is missing: %w", n, relay.ErrCorrupt)
	}
	return t, nil
}

// save writes the descriptions that have been numbered since the last call.
func (s *tableStore) save(w *writer) error {
	for _, n := range s.fresh {
		w.put(binary.BigEndian.AppendUint32([]byte("t"), n), []byte(descriptionOf(s.byNo[n])))
	}
	s.fresh = nil
	return nil
}

// descriptionOf joins flavour and native description, the length of the first in front.
func descriptionOf(t *relay.Table) string {
	return string(append([]byte{byte(len(t.Flavour))}, t.Flavour...)) + string(t.Native)
}
