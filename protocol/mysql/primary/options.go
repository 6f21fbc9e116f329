package primary

import (
	"fmt"
	"strconv"
	"time"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/protocol/mysql/gtid"
)

// options are what a client asked for by variables and flags.
type options struct {
	byGTID      bool
	file        string
	offset      uint64
	heartbeat   time.Duration // 0: none
	checksum    bool          // of artificial events before the format description
	annotate    bool
	nonBlocking bool
	semiSync    bool   // the client expects the semi-synchronous header and sends acknowledgements
	serverID    uint32 // the replica's; 0: it has none
	uuid        string // the replica's, of MySQL

	state binlog.Set // of a GTID replica of MariaDB
	until binlog.Set // nil: for ever

	holds           gtid.Set // of a GTID replica of MySQL
	longHeartbeat   bool     // HEARTBEAT_V2 is understood
	withoutChecksum bool     // the client never said what checksum it can read
}

// minHeartbeat is the shortest period that MASTER_HEARTBEAT_PERIOD can have.
const minHeartbeat = time.Millisecond

// commonOptions reads what both kinds of clients ask for in the same way.
func commonOptions(command dumpCommand, v variables) options {
	checksum, aware := v.either("master_binlog_checksum", "source_binlog_checksum")
	return options{
		file: command.file, offset: command.offset, serverID: command.serverID, heartbeat: heartbeatPeriod(v),
		checksum: checksum == "CRC32", withoutChecksum: !aware, nonBlocking: command.flags&dumpNonBlocking != 0,
	}
}

// parseUntil reads @slave_until_gtid, as START SLAVE UNTIL master_gtid_pos sets it.
func parseUntil(s string) (binlog.Set, error) {
	set, err := parseState(s)
	if err == nil && set == nil {
		return nil, fmt.Errorf("it names no GTID")
	}
	return set, err
}

// heartbeatPeriod reads nanoseconds.
func heartbeatPeriod(v variables) time.Duration {
	value, _ := v.either("master_heartbeat_period", "source_heartbeat_period")
	ns, err := strconv.ParseInt(value, 10, 64)
	if err != nil || ns <= 0 {
		return 0
	}
	return max(time.Duration(ns), minHeartbeat)
}
