package capture

import (
	"net"
	"time"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/relay"
)

// Replay reads a dump's byte stream from conn as if it had been asked for from the position on.
func Replay(s *Source, conn net.Conn, from binlog.Position, rec relay.Recorder) error {
	b := beginning{at: place{from.File, from.Offset}, journal: s.dialect.journal(from)}
	return newStream(s, b, rec).run(newPackets(conn, 1, time.Minute, false))
}

// SemiSyncPackets takes the bytes of a semi-synchronous server apart until they end, and returns why.
func SemiSyncPackets(conn net.Conn) error {
	for p := newPackets(conn, 1, time.Minute, true); ; {
		if _, _, err := p.event(); err != nil {
			return err
		}
	}
}

// ServerError returns what an ERR packet of the server becomes.
func ServerError(code uint16, message string) error {
	return serverError(append([]byte{0xff, byte(code), byte(code >> 8)}, "#HY000"+message...))
}
