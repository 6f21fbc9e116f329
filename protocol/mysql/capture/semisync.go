package capture

import (
	"encoding/binary"
	"fmt"
	"net"
	"time"
)

// acknowledger tells a semi-synchronous server what is durable here. It is not safe for use from several goroutines.
type acknowledger struct {
	conn   net.Conn
	server string  // whose places these are
	wanted []place // rising
}

// want notes that the server waits for everything up to the place.
func (a *acknowledger) want(at place) { a.wanted = append(a.wanted, at) }

// durable acknowledges the last place that is waited for and not after at.
func (a *acknowledger) durable(at place) error {
	n := 0
	for n < len(a.wanted) && !at.before(a.wanted[n]) {
		n++
	}
	if n == 0 {
		return nil
	}
	last := a.wanted[n-1]
	a.wanted = a.wanted[n:]
	return a.send(last)
}

// send writes the answer: a packet of its own, numbered from 0, with magic, offset and file. See repl_semi_sync_slave.slave_reply.
func (a *acknowledger) send(at place) error {
	size := 1 + 8 + len(at.file)
	b := []byte{byte(size), byte(size >> 8), byte(size >> 16), 0, semiSyncMagic}
	b = binary.LittleEndian.AppendUint64(b, at.offset)
	b = append(b, at.file...)
	if err := a.conn.SetWriteDeadline(time.Now().Add(acknowledgeTimeout)); err != nil {
		return err
	}
	if _, err := a.conn.Write(b); err != nil {
		_ = a.conn.Close() // what was written of it cannot be taken back
		return fmt.Errorf("acknowledge %s: %w", at, err)
	}
	return nil
}
