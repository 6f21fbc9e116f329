package primary

import (
	"encoding/binary"
	"hash/crc32"
	"io"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/relay"
)

// untilReached is the flag in a GTID list's count that ends START SLAVE UNTIL master_gtid_pos; see FLAG_UNTIL_REACHED of
// Gtid_list_log_event in sql/log_event.h.
const untilReached = 1 << 28

// stopped tells whether a group comes after the place up to which the client wants to read. A domain that this place does
// not name is not wanted at all.
func (d *dump) stopped(g binlog.GTID) bool {
	if d.options.until == nil {
		return false
	}
	u, ok := d.options.until[g.Domain]
	return !ok || g.Seq > u.Seq
}

// reached ends the dump when the client has everything that it wanted.
func (d *dump) reached(e relay.Entry) error {
	if d.options.until == nil || e.GTID == "" {
		return nil
	}
	g, err := binlog.Parse(e.GTID)
	if err != nil {
		return err
	}
	if u, ok := d.until[g.Domain]; ok && g.Seq >= u.Seq {
		delete(d.until, g.Domain)
	}
	return d.untilDone()
}

// untilDone sends the event that makes the replica stop, once no domain is wanted any more.
func (d *dump) untilDone() error {
	if d.options.until == nil || len(d.until) > 0 {
		return nil
	}
	if err := d.w.event(untilEvent(d.c.srv.cfg.ServerID, d.options.until.List(), uint32(d.offset))); err != nil {
		return err
	}
	return io.EOF
}

func untilEvent(serverID uint32, list []binlog.GTID, offset uint32) []byte {
	event := binlog.FakeGTIDList(serverID, list, offset, true)
	count := event[binlog.HeaderSize:]
	binary.LittleEndian.PutUint32(count, binary.LittleEndian.Uint32(count)|untilReached)
	end := len(event) - binlog.ChecksumSize
	binary.LittleEndian.PutUint32(event[end:], crc32.ChecksumIEEE(event[:end]))
	return event
}

// alreadyReached strikes the domains of which the replica has enough.
func (d *dump) alreadyReached() error {
	for _, g := range d.options.state {
		if u, ok := d.until[g.Domain]; ok && g.Seq >= u.Seq {
			delete(d.until, g.Domain)
		}
	}
	return d.untilDone()
}
