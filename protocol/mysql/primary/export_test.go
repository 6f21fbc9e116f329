package primary

import (
	"context"
	"net"
	"time"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/relay"
)

// What the fuzz targets read as a client would send it.
var (
	Tokenize        = func(q string) (int, bool) { t, ok := tokenize(q); return len(t), ok }
	RoleFor         = roleFor
	ParseState      = parseState
	BoundUnanswered = boundUnanswered
	ParseDump       = func(b []byte) error { _, err := parseDump(b); return err }
	ParseRegist     = func(b []byte) error { _, err := parseRegister(b); return err }
)

// ParseSet reads a SET statement and the options that follow from it.
func ParseSet(query string) (names []string, ok bool) {
	tokens, ok := tokenize(query)
	if !ok {
		return nil, false
	}
	list, _, ok := parseSet(tokens)
	v := variables{"mariadb_slave_capability": "4"}
	if !ok || v.assign(list) != nil {
		return nil, ok
	}
	_, _ = mariaDB{}.options(dumpCommand{}, v) // refusals are fine, panics are not
	_, _ = mySQL{}.options(dumpCommand{}, v)
	for _, a := range list {
		names = append(names, a.name)
	}
	return names, true
}

// Packets is a writer of packets by itself.
type Packets struct{ *packetWriter }

// NewPackets returns one that nobody tells to go.
func NewPackets(conn net.Conn, semiSync bool) Packets {
	w := newPacketWriter(conn, time.Minute, func() bool { return false })
	if semiSync {
		w.semiSync()
	}
	return Packets{w}
}

// Gathering makes it send shared events from where they lie.
func (p Packets) Gathering() { p.gather = p.conn }

func (p Packets) Shared(event []byte, acknowledge bool) error { return p.shared(event, acknowledge) }

func (p Packets) Event(event []byte, acknowledge bool) error { return p.event(event, acknowledge) }
func (p Packets) Flush() error                               { return p.flush() }
func (p Packets) Finish(payload []byte) error                { return p.finish(payload) }

// Hear tells what is understood of bytes that a client says during a dump, given in two parts.
func Hear(a, b []byte) (acknowledged int, quit bool) {
	var l listener
	acknowledged = len(l.hear(a)) + len(l.hear(b))
	return acknowledged, l.quit
}

// ParseDumpGTID reads a command, and the options that follow from it.
func ParseDumpGTID(b []byte) error {
	c, err := parseDumpGTID(b)
	if err == nil {
		_, _ = mySQL{}.options(c, variables{"source_binlog_checksum": "CRC32"})
	}
	return err
}

// Prepare cuts a statement and puts it together again with numbers in the places of the parameters.
func Prepare(query string) (params int, text string) {
	p := &prepared{splitParameters(query)}
	args := make([]any, len(p.parts)-1)
	for i := range args {
		args[i] = int64(7)
	}
	text, _ = p.text(args)
	return len(args), text
}

// ServeOne serves one connection until its end.
func ServeOne(s *Server, nc net.Conn) {
	if err := s.doors.key(); err != nil {
		panic(err)
	}
	s.serve(context.Background(), nc)
}

// StartByGTID finds where a MariaDB replica goes on.
func StartByGTID(log relay.LocalStream, held binlog.Set) error {
	_, _, err := startByGTID(log, held)
	return err
}

// Table makes a result.
var Table = table

// Shelf shares what is read from a log.
type Shelf struct{ shelf *shelf }

// NewShelf keeps so many bytes of the log.
func NewShelf(log relay.LocalStream, bytes int64) Shelf { return Shelf{newShelf(log, bytes)} }

// Reader is one dump's view of a shelf.
type Reader struct{ b browser }

// NewReader returns one that has read nothing yet.
func (s Shelf) NewReader() *Reader { return &Reader{browser{shelf: s.shelf}} }

// Get takes the batch with the entry in it, which is let go at once, and returns the entry that comes after it.
func (r *Reader) Get(ctx context.Context, lsn relay.LSN) (next relay.LSN, err error) {
	b, err := r.b.get(ctx, lsn)
	if err != nil {
		return 0, err
	}
	defer b.release()
	return b.next(), nil
}

// Close ends the reading. The context of the last Get must have ended.
func (r *Reader) Close() { r.b.close() }

// Allowance is how long a reader may wait for others.
type Allowance = allowance

// Within any time a reader waits for AllowanceMost and one part in AllowanceShare of it at most.
const (
	AllowanceShare = allowanceShare
	AllowanceMost  = allowanceMost
)

// Left is what the reader may wait now, and Waited says that it has waited since.
func (a *allowance) Left(now time.Time) time.Duration { return a.left(now) }
func (a *allowance) Waited(now time.Time)             { a.waited(now) }
