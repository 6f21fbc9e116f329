package segment

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
)

// DefaultLimit is how many bytes a segment takes before the next one begins.
const DefaultLimit = 64 << 20

// Options say how a set is opened.
type Options struct {
	// Limit is how many bytes a segment may have. A frame stays whole: one that is larger gets a segment of its own.
	Limit int64
	// Sync makes a file's content durable.
	Sync func(*os.File) error
	// Describe tells under what a record was to be found, for a segment whose index has to be made again.
	Describe func(stream byte, value []byte) (Labels, error)
	// Cipher enciphers new segments and deciphers all. Nil: in the clear.
	Cipher *Cipher
}

// Set is a log in segments. One goroutine appends; all other methods may be called from any goroutine.
type Set struct {
	dir  string
	opts Options

	mu    sync.RWMutex
	files []*file // in order; the last one grows
	group uint64  // the last one
	since [256]uint64
	torn  bool // the last file ends in something that is no frame
}

// Position is a place in the log: between two items.
type Position struct {
	Segment uint64
	Offset  int64
}

// Open opens the segments in dir, and makes the first one if there is none.
func Open(dir string, opts Options) (*Set, error) {
	if opts.Limit == 0 {
		opts.Limit = DefaultLimit
	}
	s := &Set{dir: dir, opts: opts}
	numbers, err := segments(dir)
	if err != nil {
		return nil, err
	}
	for i, n := range numbers {
		if err := s.openOne(n, i == len(numbers)-1); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	if len(s.files) > 0 {
		return s, nil
	}
	if err := s.grow(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// segments returns the numbers of the segments in dir, in order.
func segments(dir string) (numbers []uint64, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if n, ok := fileNumber(e.Name()); ok {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	return numbers, nil
}

// openOne opens the next segment. Only the last one may end in something that is no frame.
func (s *Set) openOne(number uint64, last bool) error {
	if n := len(s.files); n > 0 && s.files[n-1].number+1 != number {
		return fmt.Errorf("segment %016x is missing: %w", s.files[n-1].number+1, errTorn)
	}
	f, err := openFile(s.dir, number, s.opts.Cipher)
	if err != nil {
		return s.headless(number, err, last)
	}
	s.files = append(s.files, f)
	if !last && f.adopt() == nil {
		s.group = f.group
		return nil
	}
	whole, err := s.rebuild(f)
	switch {
	case err != nil:
		return err
	case (!whole || f.room > f.size) && !last:
		return fmt.Errorf("%s is damaged at %d, and later ones are there: %w", f.f.Name(), f.size, errTorn)
	}
	s.torn = !whole
	return nil
}

// headless forgives a last segment that has no head: its making was interrupted, before anything could be written to it. With
// nothing before it, it must be the very first, and be shorter than a head.
func (s *Set) headless(number uint64, err error, last bool) error {
	if !last || errors.Is(err, ErrKey) {
		return err
	}
	if short := errors.Is(err, io.EOF); len(s.files) == 0 && (number > 1 || !short) {
		return err
	}
	s.torn = true
	return nil
}

// adopt takes the index file for the segment's.
func (f *file) adopt() error {
	info, err := f.f.Stat()
	if err != nil {
		return err
	}
	return f.withIndex(func(r io.ReaderAt) error {
		x, err := readSealed(r)
		if err != nil {
			return err
		}
		if x.size != info.Size() {
			return errIndex
		}
		f.sealed, f.index, f.size, f.group = x, nil, x.size, x.group
		return nil
	})
}

// rebuild reads a segment and makes its index. whole: nothing is behind the last frame but room for the next ones.
func (s *Set) rebuild(f *file) (whole bool, err error) {
	info, err := f.f.Stat()
	if err != nil {
		return false, err
	}
	if s.group == 0 {
		s.group = f.content.after
	}
	f.group = s.group
	for f.size < info.Size() {
		frame, ok, err := f.frameAt(f.size, info.Size())
		if err != nil {
			return false, err
		}
		if !ok || (f.group != 0 && frame.Number != f.group+1) {
			return f.vacant(info.Size())
		}
		if err := s.describe(f, frame.Value, f.size); err != nil {
			return false, fmt.Errorf("make the index of %s again: group %d: %w", f.f.Name(), frame.Number, err)
		}
		f.size += groupHeader + frame.frame
		f.group = frame.Number
		s.group = f.group
	}
	return true, nil
}

// frameAt reads a whole frame; its Value are the items. ok: it is one.
func (f *file) frameAt(offset, end int64) (group Item, ok bool, err error) {
	head := make([]byte, groupHeader)
	if offset+groupHeader > end {
		return group, false, nil
	}
	if err := f.readAt(head, offset); err != nil {
		return group, false, err
	}
	if group, err = parseItem(head); err != nil || group.Kind != itemGroup || offset+groupHeader+group.frame > end {
		return group, false, nil
	}
	b := make([]byte, groupHeader+group.frame)
	if err := f.readAt(b, offset); err != nil {
		return group, false, err
	}
	group, ok = whole(b)
	group.Value = b[groupHeader:]
	return group, ok, nil
}

// describe takes a frame's items into the index.
func (s *Set) describe(f *file, items []byte, offset int64) error {
	offset += groupHeader
	for len(items) > 0 {
		it, err := parseItem(items)
		if err != nil {
			return err
		}
		switch it.Kind {
		case itemRecord:
			labels, err := s.opts.Describe(it.Stream, it.Value)
			if err != nil {
				return err
			}
			f.index.record(it.Stream, it.Number, offset, labels)
		case itemChunk:
			f.index.chunk(it.Stream, it.Number, it.Index, offset)
		}
		items, offset = items[it.Size:], offset+it.Size
	}
	return nil
}

// Close closes all segments. What was appended is durable already.
func (s *Set) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, f := range s.files {
		errs = append(errs, f.tidy(), f.close())
	}
	return errors.Join(errs...)
}

// Group is the number of the last whole group.
func (s *Set) Group() uint64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.group
}

// End is the place behind the last group.
func (s *Set) End() Position {
	s.mu.RLock()
	defer s.mu.RUnlock()
	last := s.files[len(s.files)-1]
	return Position{last.number, last.size}
}
