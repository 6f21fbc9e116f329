package primary

import (
	"fmt"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/relay"
)

// large sends the events of an entry that is too large for a batch, piece by piece as the log gives it, from the byte skip on. It holds
// no more of it than a piece.
func (d *dump) large(e *batched, skip uint64) error {
	return d.events(d.books.shelf.body(e.lsn), skip, e.size, d.acknowledge(e))
}

// piecesAhead is how many pieces of a body are read before they are wanted. The log gives pieces of a fraction of a MiB.
const piecesAhead = 2

// readAhead is a body whose next pieces are read while one is being used.
func readAhead(body relay.Body) relay.Body {
	return func(yield func([]byte, error) bool) {
		type read struct {
			piece []byte
			err   error
		}
		pieces, stop := make(chan read, piecesAhead), make(chan struct{})
		go func() {
			defer close(pieces)
			for piece, err := range body {
				select {
				case pieces <- read{piece, err}:
				case <-stop:
					return
				}
			}
		}()
		defer func() {
			close(stop)
			for range pieces { // until the reader is done
			}
		}()
		for r := range pieces {
			if !yield(r.piece, r.err) || r.err != nil {
				return
			}
		}
	}
}

// events sends the events of a body of so many bytes, from the byte skip on, where one begins. The last one may ask to be acknowledged.
func (d *dump) events(body relay.Body, skip uint64, size int64, acknowledge bool) error {
	var c cutter
	var sink sink = drop{}
	for piece, err := range body {
		if err != nil {
			return err
		}
		for len(piece) > 0 {
			header, rest, err := c.cut(piece)
			if err != nil {
				return err
			}
			switch {
			case header:
				begin := c.offset - binlog.HeaderSize
				sink, err = d.begin(c.head[:], begin >= skip, acknowledge && int64(c.offset+c.left) == size)
			case c.have == 0:
				err = sink.write(piece[:len(piece)-len(rest)])
			}
			if err != nil {
				return err
			}
			piece = rest
		}
	}
	return c.end()
}

// sink takes the bytes of an event after its header.
type sink interface{ write([]byte) error }

// drop takes the bytes of an event that is left out.
type drop struct{}

func (drop) write([]byte) error { return nil }

// begin decides what becomes of the event with that header, and returns where its other bytes go.
func (d *dump) begin(head []byte, wanted, acknowledge bool) (sink, error) {
	h, err := binlog.ParseHeader(head)
	switch {
	case err != nil:
		return nil, err
	case !wanted || h.Type == binlog.AnnotateRowsEvent && !d.options.annotate:
		return drop{}, nil
	case h.Type == binlog.FormatDescriptionEvent:
		return &formatSink{d: d, size: int(h.Size), event: append([]byte(nil), head...)}, nil
	case h.Type == binlog.RotateEvent:
		d.formatted = false
	}
	if err := d.w.beginEvent(int64(h.Size), acknowledge); err != nil {
		return nil, err
	}
	return d.w, d.w.write(head)
}

// formatSink collects a format description, which is not sent as it stands if the file was still open when it was read.
type formatSink struct {
	d     *dump
	size  int
	event []byte
}

// maxFormat is far above the size of a real one, about 250 bytes.
const maxFormat = 64 << 10

func (s *formatSink) write(b []byte) error {
	if s.size > maxFormat {
		return fmt.Errorf("format description of %d bytes: %w", s.size, relay.ErrCorrupt)
	}
	s.event = append(s.event, b...)
	if len(s.event) < s.size {
		return nil
	}
	return s.d.format(s.event)
}
