package primary

import (
	"context"
	"net"
	"time"

	"github.com/go-mysql-org/go-mysql/mysql"
)

const (
	flushSize  = 64 << 10  // pending bytes that are sent without waiting for more
	bufferSize = 128 << 10 // and the most that are ever pending
	maxPayload = 1<<24 - 1 // of one packet
)

// packetWriter writes a stream of packets of known length, piece by piece, in few and large writes. The library's own
// writer does one system call for each packet.
type packetWriter struct {
	ctx     context.Context
	conn    net.Conn
	timeout time.Duration
	seq     byte
	buf     []byte
	left    int64 // of the payload, after the bytes already announced
	chunk   int   // of the packet that was announced
	full    bool  // that packet was as long as one can be, so that another must follow
	sent    uint64
}

// newPacketWriter continues the conversation after a command, whose packet had number 0.
func newPacketWriter(ctx context.Context, conn net.Conn, timeout time.Duration) *packetWriter {
	return &packetWriter{ctx: ctx, conn: conn, timeout: timeout, seq: 1, buf: make([]byte, 0, bufferSize)}
}

// begin announces a payload of size bytes, which write must then be given. Payloads of 16 MiB and more travel in several packets
// of which the last one is shorter than the rest, and may be empty.
func (w *packetWriter) begin(size int64) error {
	w.left = size
	return w.header()
}

func (w *packetWriter) header() error {
	if len(w.buf)+4 > cap(w.buf) {
		if err := w.flush(); err != nil {
			return err
		}
	}
	w.chunk = int(min(w.left, maxPayload))
	w.full = w.chunk == maxPayload
	w.left -= int64(w.chunk)
	w.buf = append(w.buf, byte(w.chunk), byte(w.chunk>>8), byte(w.chunk>>16), w.seq)
	w.seq++
	return nil
}

// write adds bytes to the payload that was begun.
func (w *packetWriter) write(p []byte) error {
	for len(p) > 0 {
		n := min(len(p), w.chunk, cap(w.buf)-len(w.buf))
		w.buf = append(w.buf, p[:n]...)
		p = p[n:]
		w.chunk -= n
		if len(w.buf) >= flushSize {
			if err := w.flush(); err != nil {
				return err
			}
		}
		if w.chunk == 0 && w.full {
			if err := w.header(); err != nil {
				return err
			}
		}
	}
	return nil
}

// event writes a whole event as one payload, with the zero byte in front that says that it is no error.
func (w *packetWriter) event(event []byte) error {
	if err := w.begin(int64(len(event)) + 1); err != nil {
		return err
	}
	if err := w.write([]byte{mysql.OK_HEADER}); err != nil {
		return err
	}
	return w.write(event)
}

// flush sends what is pending.
func (w *packetWriter) flush() error {
	if len(w.buf) == 0 {
		return nil
	}
	if err := w.conn.SetWriteDeadline(time.Now().Add(w.timeout)); err != nil {
		return err
	}
	if w.ctx.Err() != nil { // the deadline above may have replaced a shorter one
		w.conn.SetWriteDeadline(time.Now().Add(farewell))
	}
	n, err := w.conn.Write(w.buf)
	w.sent += uint64(n)
	w.buf = w.buf[:0]
	return err
}

// between tells whether no payload is half written.
func (w *packetWriter) between() bool { return w.chunk == 0 && !w.full }

// finish writes a last packet, unless the client is in the middle of another one: then nothing can be said any more.
func (w *packetWriter) finish(payload []byte) error {
	if !w.between() {
		return nil
	}
	if err := w.begin(int64(len(payload))); err != nil {
		return err
	}
	if err := w.write(payload); err != nil {
		return err
	}
	return w.flush()
}

// eofPacket ends a dump that does not wait. Status 2: autocommit.
func eofPacket() []byte { return []byte{mysql.EOF_HEADER, 0, 0, 2, 0} }
