package primary_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"slices"
	"time"

	"github.com/go-mysql-org/go-mysql/client"
	"github.com/go-mysql-org/go-mysql/mysql"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/protocol/mysql/gtid"
	"github.com/octant-db/octant/relay"
)

// raw is a client that sees every packet of a dump.
type raw struct {
	conn *client.Conn
	nc   net.Conn
	in   *bufio.Reader
	seq  byte
}

func dialRaw(addr, user, password string, options ...client.Option) (*raw, error) {
	conn, err := client.Connect(addr, user, password, "", options...)
	if err != nil {
		return nil, err
	}
	return &raw{conn: conn, nc: conn.Conn.Conn, in: bufio.NewReaderSize(conn.Conn.Conn, 1<<20)}, nil
}

func (r *raw) close() { r.nc.Close() }

// asReplica says what a MariaDB replica says. Further statements come last.
func (r *raw) asReplica(more ...string) error {
	for _, q := range append([]string{"SET @master_binlog_checksum= @@global.binlog_checksum", "SET @mariadb_slave_capability=4"}, more...) {
		if _, err := r.conn.Execute(q); err != nil {
			return fmt.Errorf("%s: %w", q, err)
		}
	}
	return nil
}

func connectState(state string) string { return "SET @slave_connect_state='" + state + "'" }

func (r *raw) dump(file string, offset uint32, flags uint16, serverID uint32) error {
	b := []byte{0, 0, 0, 0, mysql.COM_BINLOG_DUMP}
	b = binary.LittleEndian.AppendUint32(b, offset)
	b = binary.LittleEndian.AppendUint16(b, flags)
	b = binary.LittleEndian.AppendUint32(b, serverID)
	r.conn.ResetSequence()
	r.seq = 1
	return r.conn.WritePacket(append(b, file...))
}

// next returns the next event; io.EOF after an EOF packet, a *mysql.MyError after an ERR packet.
func (r *raw) next() ([]byte, error) {
	r.nc.SetReadDeadline(time.Now().Add(2 * time.Minute))
	var payload []byte
	for {
		var h [4]byte
		if _, err := io.ReadFull(r.in, h[:]); err != nil {
			return nil, fmt.Errorf("read packet: %w", err)
		}
		if h[3] != r.seq {
			return nil, fmt.Errorf("packet %d, want %d", h[3], r.seq)
		}
		r.seq++
		n := int(h[0]) | int(h[1])<<8 | int(h[2])<<16
		have := len(payload)
		payload = slices.Grow(payload, n)[:have+n]
		if _, err := io.ReadFull(r.in, payload[have:]); err != nil {
			return nil, fmt.Errorf("read packet: %w", err)
		}
		if n < 1<<24-1 {
			break
		}
	}
	switch payload[0] {
	case mysql.OK_HEADER:
		return payload[1:], nil
	case mysql.EOF_HEADER:
		return nil, io.EOF
	}
	return nil, &mysql.MyError{Code: binary.LittleEndian.Uint16(payload[1:]), State: string(payload[4:9]), Message: string(payload[9:])}
}

// capture does what package capture does, as far as these tests need it: whole groups become entries, and so do the
// other events that stand in the file.
func capture(ctx context.Context, r *raw, log relay.LocalStream) error {
	if err := r.asReplica("SET @master_heartbeat_period=1000000000"); err != nil {
		return err
	}
	return captureFrom(r, "", &capturer{ctx: ctx, log: log})
}

// captureFrom reads a server's files from one of them on.
func captureFrom(r *raw, file string, c *capturer) error {
	if err := r.dump(file, 4, 2, 99001); err != nil {
		return err
	}
	for {
		event, err := r.next()
		if err != nil {
			return err
		}
		if err := c.event(event); err != nil {
			return err
		}
	}
}

type capturer struct {
	ctx      context.Context
	log      relay.LocalStream
	mysql    bool
	executed gtid.Set
	gtid     string // of the group that was begun, of MySQL
	inside   bool   // a group of MySQL was begun by BEGIN
	file     string
	offset   uint64
	far      uint64 // where the first group of every file is put behind its place
	set      binlog.Set
	state    relay.State

	group  *binlog.Group
	writer relay.EntryWriter
	begin  uint64
}

func (c *capturer) event(event []byte) error {
	h, err := binlog.ParseHeader(event)
	if err != nil {
		return err
	}
	if h.Type == binlog.RotateEvent && h.Artificial() {
		r, err := binlog.ParseRotate(event)
		c.file, c.offset = r.File, r.Offset
		return err
	}
	if h.Artificial() || h.Type == binlog.HeartbeatEvent || h.Type == binlog.HeartbeatV2Event {
		return nil
	}
	if _, err := binlog.VerifyChecksum(event); err != nil {
		return err
	}
	if event = c.farther(h, event); c.writer == nil {
		c.begin = c.offset
		c.writer = c.log.Begin(c.ctx)
	}
	c.offset += uint64(h.Size)
	if err := c.writer.Append(event); err != nil {
		return err
	}
	if c.mysql {
		return c.mysqlEvent(h, event)
	}
	switch h.Type {
	case binlog.GTIDEvent:
		g, err := binlog.ParseGTID(event)
		c.group = &g
		return err
	case binlog.GTIDListEvent:
		list, err := binlog.ParseGTIDList(event)
		if err != nil {
			return err
		}
		for _, g := range list {
			c.set.Add(g)
		}
	}
	if c.group == nil || c.ends(h, event) {
		return c.commit()
	}
	return nil
}

func (c *capturer) ends(h binlog.Header, event []byte) bool {
	switch h.Type {
	case binlog.XIDEvent, binlog.XAPrepareEvent:
		return true
	case binlog.QueryEvent:
		q, err := binlog.ParseQuery(event)
		return err == nil && (c.group.Standalone() || q.Class() == binlog.Commit || q.Class() == binlog.Rollback)
	}
	return false
}

func (c *capturer) commit() error {
	e := relay.Entry{Kind: relay.Frame, Flavour: "mariadb", Keys: []string{binlog.PositionKey(c.file, c.begin)}}
	if c.group != nil {
		c.set.Add(c.group.GTID)
		e.Kind, e.GTID = relay.History, c.group.GTID.String()
		e.Keys = append(e.Keys, binlog.GTIDKey(c.group.GTID))
	}
	at := binlog.Position{GTIDs: c.set, File: c.file, Offset: c.offset}
	if c.mysql {
		at.Flavour, at.Executed, e.Flavour = binlog.MySQL, c.executed, binlog.MySQL
		if c.gtid != "" {
			e.Kind, e.GTID, c.gtid = relay.History, c.gtid, ""
		}
	}
	e.Position = relay.Position(at.String())
	e.Size = int64(c.offset - c.begin)
	c.state.LSN++
	c.state.Position = e.Position
	e.LSN = c.state.LSN
	err := c.writer.Commit(e, c.state)
	c.writer, c.group = nil, nil
	return err
}

// endsAt tells whether an entry is the last one before a place.
func endsAt(e relay.Entry, file string, offset uint64) bool {
	p, err := binlog.ParsePosition(string(e.Position))
	return err == nil && p.File == file && p.Offset == offset
}
