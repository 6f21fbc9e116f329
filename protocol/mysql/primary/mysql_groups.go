package primary

import (
	"errors"
	"sort"

	"github.com/octant-db/octant/protocol/mysql/gtid"
	"github.com/octant-db/octant/relay"
)

// mySQLGroups serves a replica with SOURCE_AUTO_POSITION. What is left out is followed by a heartbeat, so that the replica's position
// stays true; see Binlog_sender::send_events in sql/rpl_binlog_sender.cc.
type mySQLGroups struct {
	d       *dump
	holds   gtid.Set
	goesOn  bool   // the first group of the first file is left out
	skipped uint64 // where the groups end that were left out and the replica does not know of; 0: it knows of all
}

func (mySQL) groups(d *dump) groups { return &mySQLGroups{d: d, holds: d.options.holds} }

// start finds the first group that the replica does not hold. The refusals are those of Binlog_sender::check_start_file; the first one
// concerns only transactions born at the database, of others the replica may have more. Who names a file, as mysqlbinlog does, gets it from
// there on without what he holds, and no questions are asked.
func (g *mySQLGroups) start(log relay.LocalStream) (start, error) {
	if g.d.options.file != "" {
		return startByFile(mySQL{}, log, g.d.options.file, g.d.options.offset)
	}
	first, last := relay.LSN(log.First()), relay.LSN(log.Last())
	if last < first {
		return start{}, errEmpty()
	}
	executed, err := mySQLSetAfter(log, last)
	if err != nil {
		return start{}, err
	}
	if uuid, err := gtid.ParseUUID(g.d.c.srv.cfg.Upstream().ServerUUID); err == nil && !executed.Includes(g.holds.BornAt(uuid)) {
		return start{}, errMoreGTIDs()
	}
	purged, err := mySQLBase(log)
	if err != nil {
		return start{}, err
	}
	if missing := purged.Subtract(g.holds); !missing.Empty() {
		return start{}, errPurgedGTIDs(g.holds, missing)
	}
	at := start{lsn: last + 1}
	if !g.holds.Includes(executed) {
		if at.lsn, err = g.firstMissing(log, first, last); err != nil {
			return start{}, err
		}
	}
	g.goesOn, err = g.skipsInFile(log, at.lsn)
	return at, err
}

// firstMissing finds the first entry after which more was executed than the replica holds.
func (g *mySQLGroups) firstMissing(log relay.LocalStream, first, last relay.LSN) (relay.LSN, error) {
	var failed error
	n := sort.Search(int(last-first), func(i int) bool {
		set, err := mySQLSetAfter(log, first+relay.LSN(i))
		failed = errors.Join(failed, err)
		return err != nil || !g.holds.Includes(set)
	})
	return first + relay.LSN(n), failed
}

// skipsInFile tells whether groups come before the entry in its file.
func (g *mySQLGroups) skipsInFile(log relay.LocalStream, lsn relay.LSN) (bool, error) {
	e, _, err := log.Entry(min(lsn, relay.LSN(log.Last())))
	if err != nil {
		return false, err
	}
	file, _, err := place(e)
	if err != nil {
		return false, err
	}
	at, err := fileStart(log, file)
	if errors.Is(err, relay.ErrNotFound) || errors.Is(err, relay.ErrTrimmed) {
		return true, nil
	}
	for ; err == nil && at < lsn; at++ {
		if e, _, err = log.Entry(at); err == nil && e.Kind != relay.Frame {
			return true, nil
		}
	}
	return false, err
}

func (g *mySQLGroups) introduced(offset uint64, all bool) error {
	if !all {
		g.skipped = offset
	}
	return nil
}

func (g *mySQLGroups) keepsSession() bool { return g.goesOn && !g.d.described }

func (g *mySQLGroups) wants(e *batched) (bool, error) {
	id, err := gtid.Parse(e.gtid)
	if err != nil {
		return false, err
	}
	if g.holds.Contains(id) {
		g.skipped = e.end()
		return false, nil
	}
	return true, g.caughtUp()
}

func (*mySQLGroups) sent(*batched) error { return nil }

// caughtUp tells the replica of what was left out.
func (g *mySQLGroups) caughtUp() error {
	if g.skipped == 0 {
		return nil
	}
	event := mySQLHeartbeat(g.d, g.skipped)
	g.skipped = 0
	return g.d.event(event)
}

func mySQLSetAfter(log relay.LocalStream, lsn relay.LSN) (gtid.Set, error) {
	e, _, err := log.Entry(lsn)
	if err != nil {
		return gtid.Set{}, err
	}
	return mySQLSet(e.Position)
}

// mySQLBase returns what had been executed before the log's first group: what the frames before it say, PREVIOUS_GTIDS among them.
func mySQLBase(log relay.LocalStream) (set gtid.Set, err error) {
	first := relay.LSN(log.First())
	for lsn := first; uint64(lsn) <= log.Last(); lsn++ {
		e, _, err := log.Entry(lsn)
		if err != nil {
			return gtid.Set{}, err
		}
		if e.Kind != relay.Frame && lsn > first {
			return set, nil
		}
		if set, err = mySQLSet(e.Position); err != nil {
			return gtid.Set{}, err
		}
		if e.Kind == relay.Frame {
			continue
		}
		id, err := gtid.Parse(e.GTID)
		return set.Subtract(gtid.Of(id)), err
	}
	return set, nil
}
