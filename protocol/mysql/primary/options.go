package primary

import (
	"fmt"
	"strconv"
	"time"

	"github.com/octant-db/octant/protocol/mysql/binlog"
)

// gtidCapability is the @mariadb_slave_capability from which on a client reads GTID events; see sql/log_event.h.
const gtidCapability = 4

// options are what a client asked for by variables and flags.
type options struct {
	byGTID      bool
	state       binlog.Set // of a GTID replica
	until       binlog.Set // nil: for ever
	file        string
	offset      uint64
	heartbeat   time.Duration // 0: none
	checksum    bool          // of artificial events before the format description
	annotate    bool
	nonBlocking bool
}

// minHeartbeat is the shortest period that MASTER_HEARTBEAT_PERIOD can have.
const minHeartbeat = time.Millisecond

// dumpOptions reads what a client asked for. When @slave_connect_state was set, be it to nothing, file and offset in the
// command are leftovers.
func dumpOptions(command dumpCommand, v variables) (options, error) {
	if level, err := strconv.Atoi(v["mariadb_slave_capability"]); err != nil || level < gtidCapability {
		return options{}, errOldClient()
	}
	o := options{
		file: command.file, offset: command.offset, heartbeat: heartbeatPeriod(v),
		checksum:    v["master_binlog_checksum"] == "CRC32",
		annotate:    command.flags&dumpAnnotate != 0,
		nonBlocking: command.flags&dumpNonBlocking != 0,
	}
	state, byGTID := v["slave_connect_state"]
	var err error
	if o.byGTID = byGTID; byGTID {
		if o.state, err = parseState(state); err != nil {
			return options{}, errBadGTIDs()
		}
	}
	if until, ok := v["slave_until_gtid"]; ok && byGTID {
		if o.until, err = parseUntil(until); err != nil {
			return options{}, errBadGTIDs()
		}
	}
	return o, nil
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
	ns, err := strconv.ParseInt(v["master_heartbeat_period"], 10, 64)
	if err != nil || ns <= 0 {
		return 0
	}
	return max(time.Duration(ns), minHeartbeat)
}
