package binlog

import (
	"fmt"
	"io"
	"iter"
	"slices"

	"github.com/octant-db/octant/relay"
)

// Events cuts native bytes into raw events, header and checksum included. An event that lies in one piece aliases it;
// others are joined in bytes of their own. Either is never changed afterwards and may be kept. The iteration ends after
// the first error; bytes that end inside an event are io.ErrUnexpectedEOF. Checksums are not verified.
func Events(body relay.Body) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		var c cutter
		for piece, err := range body {
			if err != nil {
				yield(nil, err)
				return
			}
			if !c.cut(piece, yield) {
				return
			}
		}
		if len(c.partial) > 0 {
			yield(nil, fmt.Errorf("read events: the bytes end inside an event: %w", io.ErrUnexpectedEOF))
		}
	}
}

// One is the body that has b as its only piece.
func One(b []byte) relay.Body {
	return func(yield func([]byte, error) bool) { yield(b, nil) }
}

// cutter keeps the beginning of an event whose end has not come yet.
type cutter struct {
	partial []byte
}

// cut yields the events that end in piece; false means that nobody wants more.
func (c *cutter) cut(piece []byte, yield func([]byte, error) bool) bool {
	for len(piece) > 0 {
		event, rest, err := c.next(piece)
		if err != nil {
			yield(nil, err)
			return false
		}
		if event != nil && !yield(event, nil) {
			return false
		}
		piece = rest
	}
	return true
}

// next takes one event, or what there is of it, from the front of piece.
func (c *cutter) next(piece []byte) (event, rest []byte, err error) {
	if len(c.partial) > 0 {
		return c.join(piece)
	}
	if len(piece) >= HeaderSize {
		h, err := ParseHeader(piece)
		if err != nil {
			return nil, nil, err
		}
		if size := int(h.Size); size <= len(piece) {
			return piece[:size:size], piece[size:], nil
		}
	}
	c.partial = append([]byte(nil), piece...)
	return nil, nil, nil
}

// join adds to the partial event what belongs to it.
func (c *cutter) join(piece []byte) (event, rest []byte, err error) {
	if missing := HeaderSize - len(c.partial); missing > 0 {
		n := min(missing, len(piece))
		c.partial = append(c.partial, piece[:n]...)
		if len(c.partial) < HeaderSize {
			return nil, nil, nil
		}
		piece = piece[n:]
	}
	h, err := ParseHeader(c.partial)
	if err != nil {
		return nil, nil, err
	}
	n := min(int(h.Size)-len(c.partial), len(piece))
	if need := len(c.partial) + n; need > cap(c.partial) {
		// Doubling keeps the copying small without trusting the size that the header promises.
		c.partial = slices.Grow(c.partial, min(int(h.Size), 2*need)-len(c.partial))
	}
	c.partial = append(c.partial, piece[:n]...)
	if len(c.partial) == int(h.Size) {
		event, c.partial = c.partial, nil
	}
	return event, piece[n:], nil
}
