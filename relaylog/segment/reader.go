package segment

import (
	"errors"
	"fmt"
)

// Reader reads the records of one stream in order. It belongs to one goroutine, and holds nothing open.
type Reader struct {
	set    *Set
	stream byte
	next   uint64 // the record that is wanted
	at     Position
	usual  int64                 // bytes of the log that a record took the last time; 0: not known
	lend   func(size int) []byte // memory to read into; nil: it is made
}

// ErrMissing says that a record is not where it should be.
var ErrMissing = errors.New("the record is missing")

const (
	firstWindow = 64 << 10 // a place is found up to step before its record
	window      = 512 << 10
)

// Reader returns a reader whose first record is number.
func (s *Set) Reader(stream byte, number uint64) *Reader {
	return &Reader{set: s, stream: stream, next: number}
}

// Lend has the reader ask for memory to read into. What Batch returns is then in the piece that was lent last, or in none of them.
func (r *Reader) Lend(lend func(size int) []byte) { r.lend = lend }

// size is how many bytes are read for so many records.
func (r *Reader) size(count int) int64 {
	switch {
	case r.at.Segment == 0 || count == 1:
		return firstWindow
	case r.usual == 0:
		return window
	}
	return min(max(int64(count)*r.usual*9/8, firstWindow), window) // what is read beyond them is read again
}

func (r *Reader) memory(size int64) []byte {
	if r.lend == nil {
		return make([]byte, size)
	}
	return r.lend(int(size))
}

// Batch returns up to count consecutive records, at least one; they must have been published. What they hold is theirs.
func (r *Reader) Batch(count int) (records []Item, err error) {
	size := r.size(count)
	if r.at.Segment == 0 {
		var found bool
		if r.at, found, err = r.set.Find(r.stream, r.next); err != nil || !found {
			return nil, r.missing(err)
		}
	}
	for len(records) == 0 {
		f, end := r.set.fileAt(&r.at)
		if f == nil {
			return nil, r.missing(nil)
		}
		if r.at.Offset == end {
			if !r.set.follows(&r.at) {
				return nil, r.missing(nil)
			}
			continue
		}
		b := r.memory(min(size, end-r.at.Offset))
		from := r.at.Offset
		if err := f.readAt(b, from); err != nil {
			return nil, err
		}
		records, size, err = r.take(b, count)
		if err != nil {
			return nil, fmt.Errorf("%s at %d: %w", f.f.Name(), r.at.Offset, err)
		}
		if n := int64(len(records)); n > 0 {
			r.usual = (r.at.Offset - from) / n
		}
		size = max(size, window)
	}
	return records, nil
}

func (r *Reader) missing(err error) error {
	if err != nil {
		return err
	}
	return fmt.Errorf("record %d of stream %d: %w", r.next, r.stream, ErrMissing)
}

// take parses a window and returns the records that are wanted; more says how many bytes the next window needs at least.
func (r *Reader) take(b []byte, count int) (records []Item, more int64, err error) {
	used := int64(0)
	rest := b
	for len(records) < count && len(rest) > 0 {
		it, err := parseItem(rest)
		if errors.Is(err, errShort) {
			more = r.skip(rest, it.Size)
			break
		}
		if err != nil {
			return nil, 0, err
		}
		if it.Kind == itemRecord && it.Stream == r.stream && it.Number >= r.next {
			if it.Number != r.next {
				return records, 0, r.missing(nil)
			}
			records, used = append(records, it), used+int64(len(it.Value))
			r.next++
		}
		rest = rest[it.Size:]
		r.at.Offset += it.Size
	}
	if used*2 < int64(len(b)) {
		compact(records, used)
	}
	return records, more, nil
}

// skip moves behind an item that is not wanted and reaches beyond the window, so that it need not be read; else it returns the item's size.
func (r *Reader) skip(rest []byte, size int64) (more int64) {
	header := headerSize(rest[0])
	if len(rest) < header || size <= int64(header) {
		return size
	}
	if rest[0] == itemRecord && rest[1] == r.stream {
		return size
	}
	r.at.Offset += size
	return 0
}

// compact copies the records' bytes together, so that they do not keep the window.
func compact(records []Item, size int64) {
	arena := make([]byte, 0, size)
	for i := range records {
		from := len(arena)
		arena = append(arena, records[i].Value...)
		records[i].Value = arena[from:len(arena):len(arena)]
	}
}

// fileAt returns the segment of a place, and where what may be read of it ends.
func (s *Set) fileAt(at *Position) (*file, int64) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if i, ok := s.indexOf(at.Segment); ok {
		return s.files[i], s.files[i].size
	}
	return nil, 0
}

// indexOf finds a segment by its number; the lock is held.
func (s *Set) indexOf(number uint64) (int, bool) {
	first := s.files[0].number
	if number < first || number >= first+uint64(len(s.files)) {
		return 0, false
	}
	return int(number - first), true
}

// follows moves to the next segment, if there is one.
func (s *Set) follows(at *Position) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	i, ok := s.indexOf(at.Segment)
	if !ok || i+1 == len(s.files) {
		return false
	}
	at.Segment, at.Offset = s.files[i+1].number, headSize
	return true
}
