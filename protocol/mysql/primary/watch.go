package primary

import (
	"encoding/binary"
	"net"
)

// watch reads until the client leaves, which ends the session. What a client says during a dump are a semi-synchronous replica's
// acknowledgements, or that it goes.
func (c *session) watch(nc net.Conn) {
	b := make([]byte, 512)
	var l listener
	for {
		c.raw.allow(commandBudget)
		n, err := nc.Read(b)
		for _, at := range l.hear(b[:n]) {
			c.progress.acknowledged(at)
		}
		if err != nil || l.quit {
			c.cancel(errGone)
			return
		}
	}
}

// maxAnswer is the longest packet that is understood during a dump: the magic byte, the offset, and a file name.
const maxAnswer = 1 + 8 + 512

// listener understands what a client says during a dump.
type listener struct {
	packet []byte // header and as much of the payload as came
	skip   int    // bytes of a packet that is not understood
	quit   bool
}

// hear takes bytes, and returns the places that were acknowledged in them.
func (l *listener) hear(b []byte) (acknowledged []spot) {
	for len(b) > 0 {
		if l.skip > 0 {
			n := min(l.skip, len(b))
			l.skip -= n
			b = b[n:]
			continue
		}
		var whole bool
		if b, whole = l.take(b); !whole {
			continue
		}
		payload := l.packet[packetHead:]
		if at, ok := parseAck(payload); ok {
			acknowledged = append(acknowledged, at)
		}
		l.quit = l.quit || len(payload) == 1 && payload[0] == comQuit
		l.packet = l.packet[:0]
	}
	return acknowledged
}

// take moves bytes from b to the packet, and tells whether it is whole.
func (l *listener) take(b []byte) (rest []byte, whole bool) {
	n := min(max(packetHead-len(l.packet), 0), len(b))
	l.packet, b = append(l.packet, b[:n]...), b[n:]
	if len(l.packet) < packetHead {
		return b, false
	}
	size := int(l.packet[0]) | int(l.packet[1])<<8 | int(l.packet[2])<<16
	if size > maxAnswer {
		l.skip, l.packet = size, l.packet[:0]
		return b, false
	}
	n = min(packetHead+size-len(l.packet), len(b))
	l.packet, b = append(l.packet, b[:n]...), b[n:]
	return b, len(l.packet) == packetHead+size
}

// parseAck reads an acknowledgement: the magic byte, the offset behind the event u64, the file's name. The same in plugin/semisync of MySQL
// and sql/semisync_slave.cc of MariaDB.
func parseAck(b []byte) (spot, bool) {
	if len(b) < 10 || b[0] != semiSyncMagic {
		return spot{}, false
	}
	return spot{offset: binary.LittleEndian.Uint64(b[1:]), file: string(b[9:])}, true
}
