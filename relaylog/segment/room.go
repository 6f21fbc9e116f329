package segment

import (
	"bytes"
	"errors"
	"io"
)

const (
	// roomBytes is how many zeros are written ahead at a time.
	roomBytes = 128 << 10
	// largeFrame is from how many bytes on a frame goes where no room was made: its sync is worth its price, and everything would be written twice.
	largeFrame = 32 << 10
)

// zeros is only read.
var zeros [roomBytes]byte

// write puts a frame behind the last one, and makes room for the next ones if it is small and has used up what there was. Room ends at the limit of a segment.
func (s *file) write(frame []byte, offset, limit int64) error {
	s.content.convert(frame, offset)
	if _, err := s.f.WriteAt(frame, offset); err != nil {
		return err
	}
	end := offset + int64(len(frame))
	ahead := min(roomBytes, limit-end)
	if end <= s.room || ahead <= 0 || len(frame) >= largeFrame {
		return nil
	}
	_, _ = s.f.WriteAt(zeros[:ahead], end) // on a full disk there is less room, and the frame is there all the same
	s.room = end + ahead
	return nil
}

// vacant tells whether everything from the last frame to the file's end is room for the next ones.
func (s *file) vacant(end int64) (bool, error) {
	b := make([]byte, roomBytes)
	for at := s.size; at < end; {
		n, err := s.f.ReadAt(b[:min(roomBytes, end-at)], at)
		if err != nil && !errors.Is(err, io.EOF) || n == 0 {
			return false, err
		}
		if !bytes.Equal(b[:n], zeros[:n]) {
			return false, nil
		}
		at += int64(n)
	}
	s.room = end
	return true, nil
}

// tidy cuts off the room that is left when the set is closed.
func (s *file) tidy() error {
	if s.room <= s.size || s.gone {
		return nil
	}
	return s.cut()
}
