package feed

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/go-mysql-org/go-mysql/mysql"

	"github.com/octant-db/octant/relay"
)

// subscription is the receiving end of a feed. It reads packets itself: the library would let a peer grow one without
// bound.
type subscription struct {
	conn    net.Conn
	in      *bufio.Reader
	timeout time.Duration
	seq     byte
	err     error // of the last Next; a feed does not go on after an error

	mu     sync.Mutex
	closed bool
}

func newSubscription(conn net.Conn, timeout time.Duration) *subscription {
	return &subscription{conn: conn, in: bufio.NewReaderSize(conn, MaxChunk), timeout: timeout, seq: 1}
}

// Next implements relay.Feed. After an error, that of its own context included, every further call gives the same error.
func (s *subscription) Next(ctx context.Context) (relay.Message, error) {
	if s.err != nil {
		return relay.Message{}, s.err
	}
	m, err := s.next(ctx)
	if err != nil {
		s.err = fmt.Errorf("read feed: %w", s.reason(ctx, err))
	}
	return m, s.err
}

func (s *subscription) next(ctx context.Context) (relay.Message, error) {
	if err := ctx.Err(); err != nil {
		return relay.Message{}, err
	}
	if s.arrived() {
		return s.message()
	}
	stop := context.AfterFunc(ctx, func() { s.conn.Close() })
	defer stop()
	if err := s.conn.SetReadDeadline(time.Now().Add(s.timeout)); err != nil {
		return relay.Message{}, err
	}
	return s.message()
}

// arrived tells whether a whole packet is in memory: most come several at a time, and nobody has to be waited for then.
func (s *subscription) arrived() bool {
	if s.in.Buffered() < headerSize {
		return false
	}
	header, err := s.in.Peek(headerSize)
	return err == nil && s.in.Buffered()-headerSize >= payloadSize(header)
}

func (s *subscription) message() (relay.Message, error) {
	event, err := s.event()
	if err != nil {
		return relay.Message{}, err
	}
	return Decode(event)
}

// reason replaces the network's error by what caused it.
func (s *subscription) reason(ctx context.Context, err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var timeout net.Error
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case s.closed:
		return relay.ErrClosed
	case errors.As(err, &timeout) && timeout.Timeout():
		return fmt.Errorf("nothing came for %v, not even a heartbeat: %w", s.timeout, err)
	}
	return explain(err)
}

// Close implements relay.Feed.
func (s *subscription) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	s.conn.Close() // the peer may have closed it before
	return nil
}

// event reads one packet and returns the event in it, which is the caller's.
func (s *subscription) event() ([]byte, error) {
	packet, err := s.packet()
	if err != nil {
		return nil, err
	}
	switch {
	case len(packet) == 0:
		return nil, fmt.Errorf("empty packet: %w", relay.ErrCorrupt)
	case packet[0] == mysql.OK_HEADER:
		return packet[1:], nil
	case packet[0] == mysql.ERR_HEADER:
		return nil, serverError(packet)
	case packet[0] == mysql.EOF_HEADER:
		return nil, io.EOF
	}
	return nil, fmt.Errorf("packet of kind %#x: %w", packet[0], relay.ErrCorrupt)
}

// headerSize is what stands before a packet's payload: three bytes of its length, and its number.
const headerSize = 4

func payloadSize(header []byte) int {
	return int(header[0]) | int(header[1])<<8 | int(header[2])<<16
}

func (s *subscription) packet() ([]byte, error) {
	var header [headerSize]byte
	if _, err := io.ReadFull(s.in, header[:]); err != nil {
		return nil, err
	}
	if header[3] != s.seq {
		return nil, fmt.Errorf("packet number %d where %d belongs: %w", header[3], s.seq, relay.ErrCorrupt)
	}
	s.seq++
	size := payloadSize(header[:])
	if size > maxEvent {
		return nil, fmt.Errorf("packet of %d bytes: %w", size, relay.ErrCorrupt)
	}
	packet := make([]byte, size)
	_, err := io.ReadFull(s.in, packet)
	return packet, err
}

// serverError reads an ERR packet: 0xff, code, '#' and five characters of SQLSTATE, text.
func serverError(packet []byte) error {
	if len(packet) < 3 {
		return fmt.Errorf("short ERR packet: %w", relay.ErrCorrupt)
	}
	e := &mysql.MyError{Code: binary.LittleEndian.Uint16(packet[1:])}
	text := packet[3:]
	if len(text) >= 6 && text[0] == '#' {
		e.State, text = string(text[1:6]), text[6:]
	}
	e.Message = string(text)
	return e
}
