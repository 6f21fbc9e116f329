package primary

import (
	"encoding/binary"
	"hash/crc32"
	"math"

	"github.com/octant-db/octant/protocol/mysql/binlog"
)

func (mySQL) heartbeat(d *dump) []byte { return mySQLHeartbeat(d, d.offset) }

// mySQLHeartbeat says that everything before the offset was sent or left out. Clients that know only the first form get it as long as the
// offset fits into it, and later the greatest that does: they compare it with as many bits of their own.
func mySQLHeartbeat(d *dump, offset uint64) []byte {
	id, file := d.c.srv.cfg.ServerID, d.file
	if d.options.longHeartbeat {
		return positioned(binlog.HeartbeatV2(id, file, offset, d.checksum), uint32(offset), d.checksum)
	}
	return binlog.Heartbeat(id, file, min(offset, math.MaxUint32), d.checksum)
}

// positioned puts into the header of an event what fits of a position, as servers do.
func positioned(event []byte, position uint32, checksum bool) []byte {
	binary.LittleEndian.PutUint32(event[13:], position)
	if checksum {
		end := len(event) - binlog.ChecksumSize
		binary.LittleEndian.PutUint32(event[end:], crc32.ChecksumIEEE(event[:end]))
	}
	return event
}
