package primary

import (
	"encoding/binary"
	"hash/crc32"
	"io"

	"github.com/octant-db/octant/protocol/mysql/binlog"
)

// untilReached is the flag in a GTID list's count that ends START SLAVE UNTIL master_gtid_pos; see FLAG_UNTIL_REACHED of
// Gtid_list_log_event in sql/log_event.h.
const untilReached = 1 << 28

// stopped tells whether a group comes after the place up to which the client wants to read. A domain that this place does
// not name is not wanted at all.
func (g *mariaGroups) stopped(gtid binlog.GTID) bool {
	if g.d.options.until == nil {
		return false
	}
	u, ok := g.d.options.until[gtid.Domain]
	return !ok || gtid.Seq > u.Seq
}

// reached ends the dump when the client has everything that it wanted.
func (g *mariaGroups) reached(e *batched) error {
	if g.d.options.until == nil || e.gtid == "" {
		return nil
	}
	gtid, err := binlog.Parse(e.gtid)
	if err != nil {
		return err
	}
	if u, ok := g.until[gtid.Domain]; ok && gtid.Seq >= u.Seq {
		delete(g.until, gtid.Domain)
	}
	return g.untilDone()
}

// untilDone sends the event that makes the replica stop, once no domain is wanted any more.
func (g *mariaGroups) untilDone() error {
	if g.d.options.until == nil || len(g.until) > 0 {
		return nil
	}
	if err := g.d.event(untilEvent(g.d.c.srv.cfg.ServerID, g.d.options.until.List(), uint32(g.d.offset))); err != nil {
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
func (g *mariaGroups) alreadyReached() error {
	for _, gtid := range g.d.options.state {
		if u, ok := g.until[gtid.Domain]; ok && gtid.Seq >= u.Seq {
			delete(g.until, gtid.Domain)
		}
	}
	return g.untilDone()
}
