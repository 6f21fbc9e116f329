package primary

import (
	"errors"
	"io"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/relay"
)

// startByFile finds the place that a client names by file and offset. Replicas in file mode stop and go on between any two
// events, so a place inside an entry is good if an event begins there.
func startByFile(says dialect, log relay.LocalStream, file string, offset uint64) (start, error) {
	if log.Last() < log.First() {
		return start{}, errEmpty()
	}
	if file == "" {
		return startOfLog(says, log)
	}
	if offset < fileHeader {
		return start{}, says.impossible(file, offset)
	}
	lsn, err := floorPosition(log, file, offset)
	if errors.Is(err, relay.ErrNotFound) {
		return start{}, notHere(says, log, file)
	}
	if err != nil {
		return start{}, err
	}
	e, body, err := log.Entry(lsn)
	if err != nil {
		return start{}, err
	}
	_, begin, err := place(e)
	if err != nil {
		return start{}, err
	}
	return within(says, e, body, file, begin, offset)
}

// within finds the offset in the entry, which begins at or before it.
func within(says dialect, e relay.Entry, body relay.Body, file string, begin, offset uint64) (start, error) {
	switch skip := offset - begin; {
	case offset == fileHeader:
		return start{lsn: e.LSN, file: file}, nil
	case skip == uint64(e.Size):
		return start{lsn: e.LSN + 1, file: file, offset: offset}, nil
	case skip > uint64(e.Size):
		return start{}, says.pastEnd(file, offset)
	default:
		ok, err := eventBegins(body, skip)
		if err != nil {
			return start{}, err
		}
		if !ok {
			return start{}, says.insideEvent(file, offset)
		}
		return start{lsn: e.LSN, skip: skip, file: file, offset: offset}, nil
	}
}

// eventBegins tells whether an event begins that many bytes into the body.
func eventBegins(body relay.Body, at uint64) (bool, error) {
	var c cutter
	for piece, err := range body {
		if err != nil {
			return false, err
		}
		for len(piece) > 0 {
			if c.offset >= at && c.between() {
				return c.offset == at, nil
			}
			if _, piece, err = c.cut(piece); err != nil {
				return false, err
			}
		}
	}
	return c.offset == at && c.between(), nil
}

// startOfLog is for clients that name no file: they want the first one.
func startOfLog(says dialect, log relay.LocalStream) (start, error) {
	first := relay.LSN(log.First())
	e, _, err := log.Entry(first)
	if err != nil {
		return start{}, err
	}
	file, offset, err := place(e)
	if err != nil {
		return start{}, err
	}
	if offset != fileHeader {
		return start{}, says.noPurged(file)
	}
	return start{lsn: first, file: file}, nil
}

// notHere says why there is nothing of a file at or before an offset: it is unknown, or its beginning was trimmed.
func notHere(says dialect, log relay.LocalStream, file string) error {
	_, err := floorPosition(log, file, 1<<64-1)
	if errors.Is(err, relay.ErrNotFound) {
		return says.unknownFile()
	}
	if err != nil {
		return err
	}
	return says.noPurged(file)
}

// cutter finds the boundaries of events in pieces of any size. It holds no more than a header.
type cutter struct {
	head   [binlog.HeaderSize]byte
	have   int    // bytes of head
	left   uint64 // bytes of the event after its header
	offset uint64 // of the next byte
}

// between tells whether the next byte begins an event.
func (c *cutter) between() bool { return c.have == 0 && c.left == 0 }

// cut takes bytes from piece: it returns true when they completed a header, which is then in head, and otherwise has taken bytes of a
// header or of what comes after one. rest is what it did not take.
func (c *cutter) cut(piece []byte) (header bool, rest []byte, err error) {
	if c.left > 0 {
		n := min(c.left, uint64(len(piece)))
		c.left -= n
		c.offset += n
		return false, piece[n:], nil
	}
	n := copy(c.head[c.have:], piece)
	c.have += n
	c.offset += uint64(n)
	if c.have < len(c.head) {
		return false, piece[n:], nil
	}
	c.have = 0
	h, err := binlog.ParseHeader(c.head[:])
	if err != nil {
		return false, nil, err
	}
	c.left = uint64(h.Size) - binlog.HeaderSize
	return true, piece[n:], nil
}

// end says whether the bytes ended where an event does.
func (c *cutter) end() error {
	if c.between() {
		return nil
	}
	return io.ErrUnexpectedEOF
}
