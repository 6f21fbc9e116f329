package primary

import (
	"errors"
	"fmt"
	"strings"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/relay"
)

// place returns where an entry begins in the database's files.
func place(e relay.Entry) (file string, offset uint64, err error) {
	for _, key := range e.Keys {
		if file, offset, err = binlog.ParsePositionKey(key); err == nil {
			return file, offset, nil
		}
	}
	return "", 0, fmt.Errorf("log entry %d has no place in a binlog file: %w", e.LSN, relay.ErrCorrupt)
}

// endOffset returns where an entry ends in its file, 0 if it has no place.
func endOffset(e relay.Entry) uint64 {
	_, offset, err := place(e)
	if err != nil {
		return 0
	}
	return offset + uint64(e.Size)
}

// floorPosition finds the entry of the file that begins at the offset, or is the last one before it.
func floorPosition(log relay.LocalStream, file string, offset uint64) (relay.LSN, error) {
	return log.Floor(binlog.PositionPrefix(file), binlog.PositionKey(file, offset))
}

// floorGTID finds the group of the domain with the sequence, or the last one before it.
func floorGTID(log relay.LocalStream, domain uint32, seq uint64) (binlog.GTID, relay.LSN, error) {
	lsn, err := log.Floor(binlog.GTIDPrefix(domain), binlog.GTIDKey(binlog.GTID{Domain: domain, Seq: seq}))
	if err != nil {
		return binlog.GTID{}, 0, err
	}
	e, _, err := log.Entry(lsn)
	if err != nil {
		return binlog.GTID{}, 0, err
	}
	g, err := binlog.Parse(e.GTID)
	return g, lsn, err
}

// fileStart finds the entry with which a file begins, which holds its format description.
func fileStart(log relay.LocalStream, file string) (relay.LSN, error) {
	lsn, err := floorPosition(log, file, fileHeader)
	if err != nil {
		return 0, err
	}
	e, _, err := log.Entry(lsn)
	if err != nil {
		return 0, err
	}
	if _, offset, err := place(e); err != nil || offset != fileHeader {
		return 0, relay.ErrNotFound
	}
	return lsn, nil
}

// fileHeader is the offset of a file's first event: four magic bytes come before it.
const fileHeader = 4

// format returns the format description of a file, or, if the log no longer has its beginning, of the newest file: the
// same server wrote both.
func format(log relay.LocalStream, file string) ([]byte, error) {
	lsn, err := fileStart(log, file)
	if errors.Is(err, relay.ErrNotFound) || errors.Is(err, relay.ErrTrimmed) {
		lsn, err = newestFileStart(log)
	}
	if err != nil {
		return nil, err
	}
	_, body, err := log.Entry(lsn)
	if err != nil {
		return nil, err
	}
	for event, err := range binlog.Events(body) {
		if err != nil {
			return nil, err
		}
		if h, err := binlog.ParseHeader(event); err == nil && h.Type == binlog.FormatDescriptionEvent {
			return event, nil
		}
	}
	return nil, relay.ErrNotFound
}

func newestFileStart(log relay.LocalStream) (relay.LSN, error) {
	e, _, err := log.Entry(relay.LSN(log.Last()))
	if err != nil {
		return 0, err
	}
	file, _, err := place(e)
	if err != nil {
		return 0, err
	}
	return fileStart(log, file)
}

// base returns the GTID state before the log's first group: the last of each domain that is no longer, or never was, in
// the log. It is what the positions of the frames before that group say, and the GTID list among them.
func base(log relay.LocalStream) (binlog.Set, error) {
	var set binlog.Set
	first := relay.LSN(log.First())
	for lsn := first; uint64(lsn) <= log.Last(); lsn++ {
		e, body, err := log.Entry(lsn)
		if err != nil {
			return nil, err
		}
		if e.Kind != relay.Frame && lsn > first {
			break
		}
		p, err := binlog.ParsePosition(string(e.Position))
		if err != nil {
			return nil, err
		}
		if e.Kind != relay.Frame {
			return before(p.GTIDs, e.GTID)
		}
		for _, g := range p.GTIDs {
			set.Add(g)
		}
		if err := addLists(&set, body); err != nil {
			return nil, err
		}
	}
	return set, nil
}

// addLists adds what GTID lists in a frame say.
func addLists(set *binlog.Set, body relay.Body) error {
	for event, err := range binlog.Events(body) {
		if err != nil {
			return err
		}
		if h, err := binlog.ParseHeader(event); err != nil || h.Type != binlog.GTIDListEvent {
			continue
		}
		list, err := binlog.ParseGTIDList(event)
		if err != nil {
			return err
		}
		for _, g := range list {
			set.Add(g)
		}
	}
	return nil
}

// before returns the state before a group, given that after it. The group's own predecessor is taken to be the sequence
// before, of a server that is not known: 0.
func before(after binlog.Set, gtid string) (binlog.Set, error) {
	g, err := binlog.Parse(gtid)
	if err != nil {
		return nil, err
	}
	set := after.Clone()
	delete(set, g.Domain)
	if g.Seq > 1 {
		set.Add(binlog.GTID{Domain: g.Domain, Seq: g.Seq - 1})
	}
	return set, nil
}

// parseState reads a replica's @slave_connect_state; the spaces and empty members that servers accept are allowed.
func parseState(s string) (binlog.Set, error) {
	return binlog.ParseSet(strings.Trim(strings.ReplaceAll(s, " ", ""), ","))
}

// same tells whether a replica's GTID is the one of the base state.
func same(b, g binlog.GTID) bool {
	return b.Domain == g.Domain && b.Seq == g.Seq && (b.Server == 0 || b.Server == g.Server)
}
