package capture

import (
	"time"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/protocol/mysql/gtid"
)

// mysqlJournal knows every group that was read.
type mysqlJournal struct {
	server   string
	epoch    uint32
	executed gtid.Set // empty: not known yet
	group    binlog.MySQLGroup
	at, last uint64 // where in the file the group begins, and the last one that is whole; 0: none

	// While joining another server's log: what comes before the place there.
	joining bool
	there   gtid.Set
}

func (j *mysqlJournal) begin(event []byte, at uint64) (head, error) {
	group, err := binlog.ParseMySQLGTID(event)
	if err != nil {
		return head{}, err
	}
	j.group, j.at = group, at
	h := head{standing: true}
	if group.Immediate != 0 {
		h.physical = time.UnixMicro(int64(group.Immediate)).UTC()
	}
	if !group.Anonymous() {
		h.name, h.keys = group.GTID.String(), []string{binlog.MySQLGTIDKey(group.GTID)}
	}
	return h, nil
}

func (j *mysqlJournal) repeated() bool { return j.joining && j.executed.Contains(j.group.GTID) }

func (j *mysqlJournal) finish() {
	j.last = j.at
	if j.group.Anonymous() {
		return
	}
	j.executed.Add(j.group.GTID)
	if j.joining {
		j.there.Add(j.group.GTID)
		j.joined()
	}
}

// joined ends the joining once everything that was read before has been passed.
func (j *mysqlJournal) joined() {
	if j.there.Includes(j.executed) {
		j.joining, j.there = false, gtid.Set{}
	}
}

func (j *mysqlJournal) frame(h binlog.Header, event []byte, file string) (bool, error) {
	if h.Type != binlog.PreviousGTIDsEvent {
		return false, nil
	}
	j.last = 0
	there, err := binlog.ParsePreviousGTIDs(event)
	if err != nil {
		return true, err
	}
	switch {
	case j.executed.Empty():
		j.executed = there
	case j.joining:
		if extra := there.Subtract(j.executed); !extra.Empty() {
			return true, diverged("%s begins after transactions %.300s, which the relay has not read", file, extra)
		}
		j.there = there
		j.joined()
	case !there.Equal(j.executed):
		return true, diverged("%s begins after %.300s, and the relay had read %.300s before it", file, there, j.executed)
	}
	return true, nil
}

func (j *mysqlJournal) position() binlog.Position {
	return binlog.Position{Flavour: binlog.MySQL, Executed: j.executed, Server: j.server, Epoch: j.epoch, Group: j.last, Joining: j.joining}
}
