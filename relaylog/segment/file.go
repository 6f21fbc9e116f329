package segment

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/octant-db/octant/internal/durable"
)

const (
	segmentSuffix = ".log"
	indexSuffix   = ".idx"
)

func fileName(number uint64, suffix string) string { return fmt.Sprintf("%016x%s", number, suffix) }

// fileNumber returns the number in a segment's name.
func fileNumber(name string) (uint64, bool) {
	digits, ok := strings.CutSuffix(name, segmentSuffix)
	if !ok || len(digits) != 16 {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, 16, 64)
	return n, err == nil
}

// file is one segment.
type file struct {
	dir    string
	number uint64
	cipher *Cipher

	use     sync.RWMutex // held for reading while it is read, for writing while it is closed
	f       *os.File
	content content
	gone    bool
	room    int64 // where the zeros end that were written ahead; what appends uses it

	// The set's lock guards the rest.
	size   int64 // what may be read
	group  uint64
	index  *index  // while it grows and until it is sealed
	sealed *sealed // then
	tables *tables // of the sealed index, while somebody uses them
}

func (s *file) path(suffix string) string { return filepath.Join(s.dir, fileName(s.number, suffix)) }

// create makes an empty segment.
func create(dir string, number, after uint64, c *Cipher) (*file, error) {
	s := &file{dir: dir, number: number, cipher: c, size: headSize, index: newIndex()}
	f, err := os.OpenFile(s.path(segmentSuffix), os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	s.f = f
	if _, err = f.WriteAt(c.newHead(segmentMagic, number, after), 0); err == nil {
		err = errors.Join(f.Sync(), durable.Sync(dir))
	}
	if err == nil {
		s.content, err = c.open(f, segmentMagic, number)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return s, nil
}

// open opens a segment that is there, without looking beyond its head.
func openFile(dir string, number uint64, c *Cipher) (*file, error) {
	s := &file{dir: dir, number: number, cipher: c, size: headSize, index: newIndex()}
	f, err := os.OpenFile(s.path(segmentSuffix), os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	s.f = f
	if s.content, err = c.open(f, segmentMagic, number); err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", f.Name(), err), f.Close())
	}
	return s, nil
}

// ErrGone says that a segment was removed while it was being read.
var ErrGone = errors.New("the segment was removed")

// readAt reads what was written and synced before.
func (s *file) readAt(b []byte, offset int64) error {
	s.use.RLock()
	defer s.use.RUnlock()
	if s.gone {
		return ErrGone
	}
	if _, err := s.content.ReadAt(b, offset); err != nil {
		return fmt.Errorf("read %s: %w", s.f.Name(), err)
	}
	return nil
}

func (s *file) close() error {
	s.use.Lock()
	defer s.use.Unlock()
	if s.gone {
		return nil
	}
	s.gone = true
	return s.f.Close()
}

// writeIndex puts the index beside a segment that is full.
func (s *file) writeIndex(size int64, group uint64) error {
	b := s.cipher.newHead(indexMagic, s.number, s.content.after)
	c, err := s.cipher.open(bytes.NewReader(b), indexMagic, s.number)
	if err != nil {
		return err
	}
	b = append(b, s.index.encode(size, group)...)
	c.convert(b[headSize:], headSize)
	return durable.Replace(s.path(indexSuffix), b, 0o600)
}

// withIndex calls read with the content of the index file.
func (s *file) withIndex(read func(io.ReaderAt) error) error {
	f, err := os.Open(s.path(indexSuffix))
	if err != nil {
		return err
	}
	defer f.Close()
	c, err := s.cipher.open(f, indexMagic, s.number)
	if err == nil {
		err = read(c)
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", f.Name(), err)
	}
	return nil
}

// remove closes the segment and removes its files: the index first, which can be made again.
func (s *file) remove() error {
	if err := s.close(); err != nil {
		return err
	}
	for _, suffix := range []string{indexSuffix, segmentSuffix} {
		if err := os.Remove(s.path(suffix)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

// cut removes what is behind the last frame.
func (s *file) cut() error {
	if err := s.f.Truncate(s.size); err != nil {
		return err
	}
	s.room = 0
	return s.f.Sync()
}
