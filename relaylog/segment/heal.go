package segment

import (
	"errors"
	"fmt"
	"io"
)

// withSealed calls read with the content of a sealed segment's index. If that is damaged, it is made again from the segment, in memory, and healed is
// true: look there. Seal writes it again.
func (s *Set) withSealed(f *file, read func(io.ReaderAt) error) (healed bool, err error) {
	err = f.withIndex(read)
	if err == nil || errors.Is(err, ErrKey) {
		return false, err
	}
	if f.goneOr(nil) != nil {
		return false, ErrGone
	}
	if again := s.heal(f); again != nil {
		return false, errors.Join(err, again)
	}
	return true, nil
}

// heal makes the index of a full segment again.
func (s *Set) heal(f *file) error {
	fresh := &file{dir: f.dir, number: f.number, cipher: f.cipher, f: f.f, content: f.content, size: headSize, index: newIndex()}
	for fresh.size < f.size {
		frame, ok, err := f.frameAt(fresh.size, f.size)
		if err == nil && !ok {
			err = fmt.Errorf("%s at %d: %w", f.f.Name(), fresh.size, errTorn)
		}
		if err == nil {
			err = s.describe(fresh, frame.Value, fresh.size)
		}
		if err != nil {
			return fmt.Errorf("make the index of segment %016x again: %w", f.number, err)
		}
		fresh.size += groupHeader + frame.frame
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f.index, f.sealed, f.tables = fresh.index, nil, nil
	return nil
}
