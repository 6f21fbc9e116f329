package primary

import (
	"errors"
	"io"
	"net"
	"os"
	"time"

	"github.com/go-mysql-org/go-mysql/mysql"
)

const (
	bufferSize = 256 << 10 // the most that is ever pending
	maxPayload = 1<<24 - 1 // of one packet
	packetHead = 4         // length u24, number u8
)

// packetWriter writes a stream of packets of known length, piece by piece, in few and large writes. The library's own
// writer does one system call for each packet.
type packetWriter struct {
	conn    net.Conn
	timeout time.Duration // for each write, of bufferSize at most
	leaving func() bool   // the client is being told to go: whoever does not listen then is not waited for
	seq     byte
	prefix  []byte    // before every event
	gather  io.Writer // the same connection, if it takes several pieces with one system call; nil: copying them together is cheaper
	pending pending
	left    int64 // of the payload, after the bytes already announced
	chunk   int   // of the packet that was announced and not written
	full    bool  // that packet was as long as one can be, so that another must follow
	restart bool  // the packet being written is the last one before numbers start again
	broken  bool  // a packet was cut: nothing can be said any more

	sent    uint64
	flushed time.Time // when something was last sent
	due     []func()  // to be called when what is pending was sent
	edge    edge
}

// newPacketWriter continues the conversation after a command, whose packet had number 0.
func newPacketWriter(conn net.Conn, timeout time.Duration, leaving func() bool) *packetWriter {
	return &packetWriter{
		conn: conn, timeout: timeout, leaving: leaving, seq: 1, flushed: time.Now(),
		prefix: []byte{mysql.OK_HEADER}, gather: gatherer(conn), pending: newPending(), edge: edge{first: -1},
	}
}

// gatherer returns what sends several pieces with one system call. TLS copies them anyway, and makes a record of each.
func gatherer(conn net.Conn) io.Writer {
	if w, ok := conn.(*wire); ok {
		conn = w.Conn
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		return tcp
	}
	return nil
}

// semiSync is what comes before every event for a semi-synchronous replica: OK, a magic byte, and whether the replica shall
// acknowledge; see plugin/semisync/semisync.h of MySQL and sql/semisync.h of MariaDB.
const semiSyncMagic = 0xef

func (w *packetWriter) semiSync() { w.prefix = []byte{mysql.OK_HEADER, semiSyncMagic, 0} }

// event writes a whole event as one payload. The prefix says that it is no error.
func (w *packetWriter) event(event []byte, acknowledge bool) error {
	if len(w.prefix)+len(event) >= maxPayload || packetHead+len(w.prefix)+len(event) > w.pending.room() {
		if err := w.beginEvent(int64(len(event)), acknowledge); err != nil {
			return err
		}
		return w.write(event)
	}
	w.head(len(event), acknowledge)
	w.pending.copy(event...)
	return nil
}

// shared writes a whole event whose bytes nobody changes until it was sent; see afterwards.
func (w *packetWriter) shared(event []byte, acknowledge bool) error {
	size := packetHead + len(w.prefix) + len(event)
	if w.gather == nil || len(event) < lentSize || size > bufferSize {
		return w.event(event, acknowledge)
	}
	if size > w.pending.room() {
		if err := w.flush(); err != nil {
			return err
		}
	}
	w.head(len(event), acknowledge)
	w.pending.lend(event)
	return nil
}

// head begins the packet of a whole event, for which there is room.
func (w *packetWriter) head(size int, acknowledge bool) {
	w.number()
	w.edge.note(w.pending.size, true)
	n := len(w.prefix) + size
	w.pending.copy(byte(n), byte(n>>8), byte(n>>16), w.seq)
	w.seq++
	w.full, w.restart = false, acknowledge
	w.introduce(acknowledge)
}

// beginEvent announces an event of so many bytes, which write must then be given.
func (w *packetWriter) beginEvent(size int64, acknowledge bool) error {
	if err := w.begin(size + int64(len(w.prefix))); err != nil {
		return err
	}
	w.restart = acknowledge
	if len(w.prefix) > w.pending.room() {
		if err := w.flush(); err != nil {
			return err
		}
	}
	w.introduce(acknowledge)
	w.chunk -= len(w.prefix)
	return nil
}

// introduce writes the prefix.
func (w *packetWriter) introduce(acknowledge bool) {
	w.pending.copy(w.prefix...)
	if acknowledge {
		w.pending.buf[len(w.pending.buf)-1] = 1
	}
}

// begin announces a payload of size bytes, which write must then be given. Payloads of 16 MiB and more travel in several packets
// of which the last one is shorter than the rest, and may be empty.
func (w *packetWriter) begin(size int64) error {
	w.number()
	w.left = size
	return w.header(true)
}

// number starts again after a packet that asked for an acknowledgement: that is a conversation of its own.
func (w *packetWriter) number() {
	if w.restart {
		w.seq, w.restart = 1, false
	}
}

func (w *packetWriter) header(first bool) error {
	if packetHead > w.pending.room() {
		if err := w.flush(); err != nil {
			return err
		}
	}
	w.chunk = int(min(w.left, maxPayload))
	w.full = w.chunk == maxPayload
	w.left -= int64(w.chunk)
	w.edge.note(w.pending.size, first)
	w.pending.copy(byte(w.chunk), byte(w.chunk>>8), byte(w.chunk>>16), w.seq)
	w.seq++
	return nil
}

// directSize is from how many bytes on it is cheaper to make another system call than to copy.
const directSize = 32 << 10

// write adds bytes to the payload that was begun.
func (w *packetWriter) write(p []byte) error {
	for len(p) > 0 {
		if n := min(len(p), w.chunk, bufferSize); n >= directSize {
			if err := w.direct(p[:n]); err != nil {
				return err
			}
			p = p[n:]
			continue
		}
		n := min(len(p), w.chunk, w.pending.room())
		w.pending.copy(p[:n]...)
		p = p[n:]
		w.chunk -= n
		if w.pending.room() == 0 {
			if err := w.flush(); err != nil {
				return err
			}
		}
		if w.chunk == 0 && w.full {
			if err := w.header(false); err != nil {
				return err
			}
		}
	}
	return nil
}

// direct sends what is pending, and then bytes of the payload, without copying them.
func (w *packetWriter) direct(p []byte) error {
	if err := w.flush(); err != nil {
		return err
	}
	if err := w.limit(); err != nil {
		return err
	}
	n, err := w.conn.Write(p)
	w.sent += uint64(n)
	if err != nil {
		w.broken = true
		return err
	}
	if w.chunk -= n; w.chunk == 0 && w.full {
		return w.header(false)
	}
	return nil
}

// flush sends what is pending.
func (w *packetWriter) flush() error {
	if w.pending.size == 0 {
		return nil
	}
	if err := w.limit(); err != nil {
		return err
	}
	n, err := w.pending.writeTo(w.conn, w.gather)
	w.sent += uint64(n)
	if err != nil {
		w.salvage(n, errors.Is(err, os.ErrDeadlineExceeded))
		return err
	}
	w.pending.clear()
	w.edge = edge{first: -1}
	w.settle()
	return nil
}

// afterwards calls done when everything that was written until now has been sent; never, if it cannot be.
func (w *packetWriter) afterwards(done func()) {
	w.due = append(w.due, done)
	if w.pending.size == 0 {
		w.settle()
	}
}

// settle calls what is due.
func (w *packetWriter) settle() {
	for i, done := range w.due {
		done()
		w.due[i] = nil
	}
	w.due = w.due[:0]
}

// limit gives the next write its time.
func (w *packetWriter) limit() error {
	patience := w.timeout
	if w.leaving() {
		patience = farewell
	}
	w.flushed = time.Now()
	if err := w.conn.SetWriteDeadline(w.flushed.Add(patience)); err != nil {
		return err
	}
	if w.leaving() { // the deadline above may have replaced a shorter one
		return w.conn.SetWriteDeadline(w.flushed.Add(farewell))
	}
	return nil
}

// finish writes a last packet, unless the client is in the middle of another one: then nothing can be said any more.
func (w *packetWriter) finish(payload []byte) error {
	if w.broken || w.chunk > 0 || w.full {
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
