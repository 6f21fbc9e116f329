package segment

import (
	"errors"
	"io"
	"slices"
	"strings"
)

// spanOf returns what the segment has of a stream; the set's lock is held.
func (s *Set) spanOf(f *file, stream byte) (span, bool) {
	if f.number < s.since[stream] {
		return span{}, false
	}
	spans := map[byte]*span(nil)
	if f.index != nil {
		spans = f.index.spans
	} else {
		spans = f.sealed.spans
	}
	if sp := spans[stream]; sp != nil {
		return *sp, true
	}
	return span{}, false
}

// Last returns the place of a stream's last record, or of one shortly before it; false if there is none.
func (s *Set) Last(stream byte) (number uint64, found bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, f := range slices.Backward(s.files) {
		if sp, ok := s.spanOf(f, stream); ok && sp.last > 0 {
			return sp.last, true
		}
	}
	return 0, false
}

// holder returns the segment that has the record.
func (s *Set) holder(stream byte, number uint64) *file {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, f := range slices.Backward(s.files) {
		sp, ok := s.spanOf(f, stream)
		if ok && sp.last > 0 && sp.first <= number {
			if number > sp.last {
				return nil
			}
			return f
		}
	}
	return nil
}

// Find returns a place shortly before a record; false if there is no such record.
func (s *Set) Find(stream byte, number uint64) (at Position, found bool, err error) {
	f := s.holder(stream, number)
	if f == nil {
		return at, false, nil
	}
	var p point
	err = s.look(f, func(x *index) { p, found = floorPoint(x.points[stream], number) },
		func(t *tables) { p, found = floorPoint(t.points[stream], number) })
	return Position{f.number, int64(p.at)}, found, err
}

// look reads the segment's index, wherever it is.
func (s *Set) look(f *file, growing func(*index), full func(*tables)) error {
	t, err := s.tablesOf(f, growing)
	if t != nil {
		full(t)
	}
	return err
}

// tablesOf calls growing, or else returns the tables of a sealed index, which it keeps for the next time.
func (s *Set) tablesOf(f *file, growing func(*index)) (*tables, error) {
	s.mu.RLock()
	if f.index != nil {
		growing(f.index)
		s.mu.RUnlock()
		return nil, nil
	}
	t, sealed := f.tables, f.sealed
	s.mu.RUnlock()
	if t != nil {
		return t, nil
	}
	healed, err := s.withSealed(f, func(r io.ReaderAt) (err error) {
		t, err = sealed.read(r)
		return err
	})
	if healed {
		return s.tablesOf(f, growing)
	}
	if err != nil {
		return nil, err
	}
	s.keep(f, t)
	return t, nil
}

// tablesKept is of how many sealed segments the tables are kept: readers move from one to the next.
const tablesKept = 16

func (s *Set) keep(f *file, t *tables) {
	s.mu.Lock()
	defer s.mu.Unlock()
	kept := 0
	for _, other := range s.files {
		if other.tables != nil {
			kept++
		}
	}
	for _, other := range s.files {
		if kept >= tablesKept && other.tables != nil {
			other.tables = nil
			kept--
		}
	}
	f.tables = t
}

// goneOr returns err, unless the segment was removed meanwhile.
func (f *file) goneOr(err error) error {
	f.use.RLock()
	defer f.use.RUnlock()
	if f.gone {
		return ErrGone
	}
	return err
}

// Sequence returns the record of the stream with the greatest indexed sequence that is not above the one given.
func (s *Set) Sequence(stream byte, sequence uint64) (number uint64, found bool, err error) {
	for _, f := range slices.Backward(s.list()) {
		var p point
		err = s.look(f, func(x *index) { p, found = floorPoint(x.sequences, sequence) },
			func(t *tables) { p, found = floorPoint(t.sequences, sequence) })
		if errors.Is(err, ErrGone) {
			break
		}
		if found || err != nil {
			return p.at, found, err
		}
	}
	return 0, false, nil
}

func (s *Set) list() []*file {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return slices.Clone(s.files)
}

// Floor returns the record with the greatest key that has the prefix and is not above key; of equal keys the last one written. Records beyond last do not
// count: what was just appended is in the index before anybody may know of it.
func (s *Set) Floor(prefix, key string, last uint64) (number uint64, found bool, err error) {
	if !strings.HasPrefix(key, prefix) {
		return 0, false, nil
	}
	var best keyPoint
	for _, f := range slices.Backward(s.list()) {
		k, ok, err := s.floorIn(f, prefix, key, last)
		if errors.Is(err, ErrGone) {
			break // and so are those before it
		}
		if err != nil {
			return 0, false, err
		}
		if ok && (!found || k.key > best.key) {
			best, found = k, true
		}
		if found && best.key == key {
			break
		}
	}
	return best.number, found, nil
}

func (s *Set) floorIn(f *file, prefix, key string, last uint64) (k keyPoint, found bool, err error) {
	k, found, sealed := s.floorGrowing(f, prefix, key, last)
	if sealed == nil {
		return k, found, nil
	}
	healed, err := s.withSealed(f, func(r io.ReaderAt) (err error) {
		k, found, err = sealed.floorKey(r, prefix, key, last)
		return err
	})
	if healed {
		return s.floorIn(f, prefix, key, last)
	}
	return k, found, err
}

// floorGrowing looks through an index that is in memory, or else returns the sealed one.
func (s *Set) floorGrowing(f *file, prefix, key string, last uint64) (k keyPoint, found bool, sealed *sealed) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f.index == nil {
		return k, false, f.sealed
	}
	f.index.keys.settle()
	k, found = f.index.keys.floor(prefix, key, last)
	return k, found, nil
}
