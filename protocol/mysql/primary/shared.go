package primary

import (
	"iter"
	"sync"

	"github.com/octant-db/octant/relay"
)

// sharedBytes is how much of a large entry is kept behind the reader that is the furthest.
const sharedBytes = 4 << 20

// sharedBody lets dumps that are near each other read a large entry once. The last pieces are kept; who falls further behind reads for
// himself.
type sharedBody struct {
	users int // guarded by the shelf

	mu     sync.Mutex
	next   func() ([]byte, error, bool)
	stop   func()
	pieces [][]byte // the last ones that were read
	first  int      // the number of the first of them
	bytes  int      // of them
	err    error    // how it ended
	ended  bool
}

func newSharedBody(body relay.Body) *sharedBody {
	b := &sharedBody{}
	b.next, b.stop = iter.Pull2(readAhead(body))
	return b
}

// piece returns one of the body's pieces. more is false behind the last one, and kept is false if the piece is not there any more.
func (b *sharedBody) piece(n int) (piece []byte, err error, more, kept bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if n < b.first {
		return nil, nil, true, false
	}
	for n >= b.first+len(b.pieces) {
		if b.ended {
			return nil, b.err, b.err != nil, true
		}
		b.read()
	}
	return b.pieces[n-b.first], nil, true, true
}

// read takes the next piece from the log.
func (b *sharedBody) read() {
	piece, err, ok := b.next()
	if err != nil || !ok {
		b.err, b.ended = err, true
		return
	}
	b.pieces = append(b.pieces, piece)
	b.bytes += len(piece)
	for b.bytes > sharedBytes && len(b.pieces) > 1 {
		b.bytes -= len(b.pieces[0])
		b.pieces[0] = nil
		b.pieces = b.pieces[1:]
		b.first++
	}
}

// fresh tells whether the body can still be read from its beginning.
func (b *sharedBody) fresh() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.first == 0
}

// join returns the body of a large entry as others read it, or opens it. The caller calls leave.
func (s *shelf) join(lsn relay.LSN) (*sharedBody, error) {
	s.mu.Lock()
	b := s.large[lsn]
	if b != nil && b.fresh() {
		b.users++
		s.mu.Unlock()
		return b, nil
	}
	s.mu.Unlock()
	_, body, err := s.log.Entry(lsn)
	if err != nil {
		return nil, err
	}
	b = newSharedBody(body)
	b.users = 1
	s.mu.Lock()
	defer s.mu.Unlock()
	s.large[lsn] = b
	return b, nil
}

// leave lets the body go if nobody else reads it.
func (s *shelf) leave(lsn relay.LSN, b *sharedBody) {
	s.mu.Lock()
	b.users--
	last := b.users == 0
	if last && s.large[lsn] == b {
		delete(s.large, lsn)
	}
	s.mu.Unlock()
	if last {
		b.stop()
	}
}

// body returns a large entry's bytes for one reader.
func (s *shelf) body(lsn relay.LSN) relay.Body {
	return func(yield func([]byte, error) bool) {
		b, err := s.join(lsn)
		if err != nil {
			yield(nil, err)
			return
		}
		defer s.leave(lsn, b)
		var had int64
		for n := 0; ; n++ {
			piece, err, more, kept := b.piece(n)
			if !kept {
				s.alone(lsn, had, yield)
				return
			}
			if !more || !yield(piece, err) || err != nil {
				return
			}
			had += int64(len(piece))
		}
	}
}

// alone yields what comes after the first bytes, which the reader had before the others left him behind. The pieces need not be the same as
// before.
func (s *shelf) alone(lsn relay.LSN, had int64, yield func([]byte, error) bool) {
	_, body, err := s.log.Entry(lsn)
	if err != nil {
		yield(nil, err)
		return
	}
	for piece, err := range readAhead(body) {
		n := min(had, int64(len(piece)))
		had -= n
		if piece = piece[n:]; len(piece) == 0 && err == nil {
			continue
		}
		if !yield(piece, err) || err != nil {
			return
		}
	}
}
