package primary

import (
	"io"
	"net"
)

// pending is what waits to be sent: bytes that were copied, and between them bytes that were lent and are sent from where they lie.
type pending struct {
	buf  []byte // copied
	lent []lent
	size int // of all
}

// lent are bytes that nobody changes, which come after so many of the copied ones.
type lent struct {
	after int
	bytes []byte
}

// lentSize is from how many bytes on it is cheaper to send them from where they lie than to copy them.
const lentSize = 1 << 10

func newPending() pending { return pending{buf: make([]byte, 0, bufferSize)} }

// room is how many bytes can still wait.
func (p *pending) room() int { return cap(p.buf) - p.size }

func (p *pending) copy(b ...byte) {
	p.buf = append(p.buf, b...)
	p.size += len(b)
}

func (p *pending) lend(b []byte) {
	p.lent = append(p.lent, lent{len(p.buf), b})
	p.size += len(b)
}

// pieces returns all bytes in their order.
func (p *pending) pieces() net.Buffers {
	all := make(net.Buffers, 0, 2*len(p.lent)+1)
	from := 0
	for _, l := range p.lent {
		all = append(all, p.buf[from:l.after], l.bytes)
		from = l.after
	}
	return append(all, p.buf[from:])
}

// writeTo sends all bytes, and returns how many went out. If there are several pieces they go to gather.
func (p *pending) writeTo(conn, gather io.Writer) (int, error) {
	if len(p.lent) == 0 {
		return conn.Write(p.buf)
	}
	all := p.pieces()
	n, err := all.WriteTo(gather)
	return int(n), err
}

// flat returns all bytes in one piece.
func (p *pending) flat() []byte {
	b := make([]byte, 0, p.size)
	for _, piece := range p.pieces() {
		b = append(b, piece...)
	}
	return b
}

// clear leaves nothing. What was lent is let go.
func (p *pending) clear() {
	clear(p.lent)
	p.buf, p.lent, p.size = p.buf[:0], p.lent[:0], 0
}
