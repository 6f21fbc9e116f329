package primary

import (
	"encoding/binary"
	"hash/crc32"
	"math"

	"github.com/go-mysql-org/go-mysql/mysql"

	"github.com/octant-db/octant/protocol/mysql/binlog"
)

// heartbeatV2 is HEARTBEAT_LOG_EVENT_V2 of MySQL's libs/mysql/binlog/event/binlog_event.h, the form that has room for positions beyond
// 4 GiB.
const heartbeatV2 = 41

// The fields of a HEARTBEAT_V2, each of them a type, a length and a value; see Heartbeat_event_v2 in control_events.h.
const (
	heartbeatEnd      = 0
	heartbeatFile     = 1
	heartbeatPosition = 2
)

func (mySQL) heartbeat(d *dump) []byte { return mySQLHeartbeat(d, d.offset) }

// mySQLHeartbeat says that everything before the offset was sent or left out. Clients that know only the first form get it as long as the
// offset fits into it, and later the greatest that does: a heartbeat ahead of the replica is no harm, one behind it stops it.
func mySQLHeartbeat(d *dump, offset uint64) []byte {
	id, file := d.c.srv.cfg.ServerID, d.file
	if !d.options.longHeartbeat {
		return binlog.Heartbeat(id, file, min(offset, math.MaxUint32), d.checksum)
	}
	position := mysql.PutLengthEncodedInt(offset)
	b := make([]byte, binlog.HeaderSize, binlog.HeaderSize+len(file)+len(position)+16)
	b[4] = heartbeatV2
	binary.LittleEndian.PutUint32(b[5:], id)
	b = append(append(b, heartbeatFile, byte(len(file))), file...)
	b = append(append(b, heartbeatPosition, byte(len(position))), position...)
	b = append(b, heartbeatEnd)
	size := len(b)
	if d.checksum {
		size += binlog.ChecksumSize
	}
	binary.LittleEndian.PutUint32(b[9:], uint32(size))
	if d.checksum {
		b = binary.LittleEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
	}
	return b
}
