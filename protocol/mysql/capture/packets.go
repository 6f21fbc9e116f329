package capture

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"time"

	"github.com/octant-db/octant/protocol/mysql/binlog"
)

// readBuffer is how much is asked from the socket at once. Packets that fit in are not copied.
const readBuffer = 256 << 10

const (
	packetHeader = 4
	// fullPacket is the size of a packet that goes on in the next one.
	fullPacket = 1<<24 - 1
	// keepBuffer is the largest buffer for joined packets that is kept for the next one.
	keepBuffer = 1 << 20
)

// errPacket is what bytes give that are not the protocol.
var errPacket = errors.New("malformed packet from the database")

// semiSyncMagic begins what a semi-synchronous server puts before each event, sql/semisync.h.
const semiSyncMagic = 0xef

// packets cuts the dump's byte stream into packets.
type packets struct {
	in       *bufio.Reader
	sequence byte
	semiSync bool
	used     int    // of in, by the packet returned last
	joined   []byte // holds packets that do not fit into the buffer
}

// newPackets reads from conn. Nothing may be buffered elsewhere.
func newPackets(conn net.Conn, sequence byte, timeout time.Duration, semiSync bool) *packets {
	return &packets{in: bufio.NewReaderSize(&impatient{conn, timeout}, readBuffer), sequence: sequence, semiSync: semiSync}
}

// impatient gives every read from a connection the same time.
type impatient struct {
	conn    net.Conn
	timeout time.Duration
}

func (r *impatient) Read(b []byte) (int, error) {
	if err := r.conn.SetReadDeadline(time.Now().Add(r.timeout)); err != nil {
		return 0, err
	}
	return r.conn.Read(b)
}

// event returns the next event, valid until the next call, and whether the server waits until we have it.
func (p *packets) event() (event []byte, wait bool, err error) {
	payload, err := p.next()
	if err != nil {
		return nil, false, err
	}
	if len(payload) == 0 {
		return nil, false, fmt.Errorf("read binlog: empty packet: %w", errPacket)
	}
	if payload[0] != 0 {
		return nil, false, serverError(payload)
	}
	payload = payload[1:]
	if !p.semiSync {
		return payload, false, nil
	}
	if len(payload) < 2 || payload[0] != semiSyncMagic {
		return nil, false, fmt.Errorf("read binlog: no semi-synchronous header: %w", errPacket)
	}
	return payload[2:], payload[1]&1 != 0, nil
}

// next returns the payload of the next packet, valid until the next call.
func (p *packets) next() ([]byte, error) {
	if _, err := p.in.Discard(p.used); err != nil {
		return nil, readError(err)
	}
	p.used = 0
	size, err := p.header()
	if err != nil {
		return nil, err
	}
	if size == fullPacket || size > p.in.Size() {
		return p.join(size)
	}
	payload, err := p.in.Peek(size)
	if err != nil {
		return nil, readError(err)
	}
	p.used = size
	return payload, nil
}

// header takes a packet's header and returns the payload's size.
func (p *packets) header() (int, error) {
	h, err := p.in.Peek(packetHeader)
	if err != nil {
		return 0, readError(err)
	}
	size, sequence := int(h[0])|int(h[1])<<8|int(h[2])<<16, h[3]
	if p.semiSync && sequence == 1 {
		p.sequence = 1 // the server begins anew after what it wants acknowledged: Repl_semi_sync_master::flush_net
	}
	if sequence != p.sequence {
		return 0, fmt.Errorf("read binlog: packet number %d where %d is next: %w", sequence, p.sequence, errPacket)
	}
	p.sequence++
	_, err = p.in.Discard(packetHeader)
	return size, readError(err)
}

// join copies a packet that is too large for the buffer, and those that continue it.
func (p *packets) join(size int) ([]byte, error) {
	if cap(p.joined) > keepBuffer {
		p.joined = nil
	}
	p.joined = p.joined[:0]
	for {
		if len(p.joined)+size > binlog.MaxEventSize {
			return nil, fmt.Errorf("read binlog: packet of more than %d bytes: %w", binlog.MaxEventSize, errPacket)
		}
		if err := p.copy(size); err != nil {
			return nil, err
		}
		if size < fullPacket {
			return p.joined, nil
		}
		var err error
		if size, err = p.header(); err != nil {
			return nil, err
		}
	}
}

// copy adds bytes to the joined packet. Room is made piece by piece, so that a claim of a size costs little.
func (p *packets) copy(size int) error {
	for size > 0 {
		have, n := len(p.joined), min(size, keepBuffer)
		p.joined = slices.Grow(p.joined, n)[:have+n]
		if _, err := io.ReadFull(p.in, p.joined[have:]); err != nil {
			return readError(err)
		}
		size -= n
	}
	return nil
}

func readError(err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("read binlog: %w", err)
}
