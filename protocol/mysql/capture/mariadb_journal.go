package capture

import (
	"github.com/octant-db/octant/protocol/mysql/binlog"
)

// mariadbJournal knows the last group of each domain.
type mariadbJournal struct {
	server string
	epoch  uint32
	gtids  binlog.Set // nil: not known yet
	group  binlog.Group

	// While joining another server's log: what comes before the place there.
	joining bool
	there   binlog.Set
}

func (j *mariadbJournal) begin(event []byte, _ uint64) (head, error) {
	group, err := binlog.ParseGTID(event)
	if err != nil {
		return head{}, err
	}
	j.group = group
	return head{name: group.GTID.String(), keys: []string{binlog.GTIDKey(group.GTID)}, transaction: !group.Standalone()}, nil
}

func (j *mariadbJournal) repeated() bool { return j.joining && j.gtids.Contains(j.group.GTID) }

func (j *mariadbJournal) finish() {
	if !j.repeated() {
		j.gtids.Add(j.group.GTID)
	}
	if j.joining {
		j.there.Add(j.group.GTID)
		j.joined()
	}
}

// joined ends the joining once everything that was read before has been passed.
func (j *mariadbJournal) joined() {
	if j.there.Includes(j.gtids) {
		j.joining, j.there = false, nil
	}
}

func (j *mariadbJournal) frame(h binlog.Header, event []byte, file string) (bool, error) {
	switch h.Type {
	case binlog.BinlogCheckpointEvent:
		return true, nil
	case binlog.GTIDListEvent:
		return true, j.list(event, file)
	}
	return false, nil
}

// list compares what the server says comes before a file with what we have read. It may have forgotten a domain (FLUSH
// BINARY LOGS DELETE_DOMAIN_ID); then so do we.
func (j *mariadbJournal) list(event []byte, file string) error {
	list, err := binlog.ParseGTIDList(event)
	if err != nil {
		return err
	}
	there := binlog.Set{}
	for _, g := range list {
		there.Add(g)
	}
	for _, g := range there {
		same := j.gtids[g.Domain] == g || j.joining && j.gtids.Contains(g)
		if len(j.gtids) > 0 && !same {
			return diverged("%s begins after transaction %s, and the relay had read %q before it", file, g, j.gtids)
		}
	}
	if j.joining {
		j.there = there
		j.joined()
		return nil
	}
	j.gtids = there
	return nil
}

func (j *mariadbJournal) position() binlog.Position {
	return binlog.Position{Flavour: binlog.Flavour, GTIDs: j.gtids, Server: j.server, Epoch: j.epoch, Joining: j.joining}
}
