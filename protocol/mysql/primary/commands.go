package primary

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/octant-db/octant/protocol/mysql/gtid"
)

var errShortCommand = errors.New("malformed command: too short")

// The flags of COM_BINLOG_DUMP and COM_BINLOG_DUMP_GTID. The second has two meanings; see sql/log_event.h of MariaDB and
// sql/rpl_constants.h of MySQL.
const (
	dumpNonBlocking   = 0x1 // end with EOF where the log ends now
	dumpAnnotate      = 0x2 // of MariaDB: send ANNOTATE_ROWS events
	dumpLongHeartbeat = 0x2 // of MySQL: HEARTBEAT_V2 is understood
)

// dumpCommand is what COM_BINLOG_DUMP or COM_BINLOG_DUMP_GTID says.
type dumpCommand struct {
	byGTID   bool
	holds    gtid.Set // of COM_BINLOG_DUMP_GTID
	offset   uint64
	flags    uint16
	serverID uint32
	file     string
}

// parseDump reads the payload after the command byte: offset u32, flags u16, server id u32, file name to the end.
func parseDump(data []byte) (dumpCommand, error) {
	if len(data) < 10 {
		return dumpCommand{}, errShortCommand
	}
	return dumpCommand{
		offset: uint64(binary.LittleEndian.Uint32(data)), flags: binary.LittleEndian.Uint16(data[4:]),
		serverID: binary.LittleEndian.Uint32(data[6:]), file: string(data[10:]),
	}, nil
}

// parseDumpGTID reads flags u16, server id u32, length u32 and file name, offset u64, length u32 and GTID set. Clients send a file and
// an offset that mean nothing.
func parseDumpGTID(data []byte) (dumpCommand, error) {
	if len(data) < 10 {
		return dumpCommand{}, errShortCommand
	}
	c := dumpCommand{byGTID: true, flags: binary.LittleEndian.Uint16(data), serverID: binary.LittleEndian.Uint32(data[2:])}
	name := uint64(binary.LittleEndian.Uint32(data[6:]))
	data = data[10:]
	if uint64(len(data)) < name+12 {
		return dumpCommand{}, errShortCommand
	}
	c.file, data = string(data[:name]), data[name:]
	c.offset = binary.LittleEndian.Uint64(data)
	size := uint64(binary.LittleEndian.Uint32(data[8:]))
	data = data[12:]
	if uint64(len(data)) < size {
		return dumpCommand{}, errShortCommand
	}
	var err error
	if c.holds, err = gtid.DecodeSet(data[:size]); err != nil {
		return dumpCommand{}, fmt.Errorf("malformed command: %w", err)
	}
	return c, nil
}

// registration is what COM_REGISTER_SLAVE says of the replica.
type registration struct {
	serverID uint32
	host     string // report_host, "" if not configured
	port     uint16
}

// parseRegister reads server id u32, three strings with a length byte each (host, user, password), port u16, and eight bytes that
// mean nothing any more.
func parseRegister(data []byte) (registration, error) {
	var r registration
	if len(data) < 4 {
		return r, errShortCommand
	}
	r.serverID = binary.LittleEndian.Uint32(data)
	data = data[4:]
	for i := range 3 {
		if len(data) < 1 || len(data) < 1+int(data[0]) {
			return r, errShortCommand
		}
		if i == 0 {
			r.host = string(data[1 : 1+int(data[0])])
		}
		data = data[1+int(data[0]):]
	}
	if len(data) < 2 {
		return r, errShortCommand
	}
	r.port = binary.LittleEndian.Uint16(data)
	return r, nil
}
