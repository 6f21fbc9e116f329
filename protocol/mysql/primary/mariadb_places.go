package primary

import (
	"errors"
	"fmt"
	"strings"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/relay"
)

// floorGTID finds the group of the domain with the sequence, or the last one before it.
func floorGTID(log relay.LocalStream, domain uint32, seq uint64) (binlog.GTID, relay.LSN, error) {
	lsn, err := log.Floor(binlog.GTIDPrefix(domain), binlog.GTIDKey(binlog.GTID{Domain: domain, Seq: seq}))
	if err != nil {
		return binlog.GTID{}, 0, err
	}
	e, _, err := log.Entry(lsn)
	if errors.Is(err, relay.ErrNotFound) {
		// A log that leads to what it does not have is no log without the domain: whoever is served from its end would miss everything.
		return binlog.GTID{}, 0, fmt.Errorf("the log leads to entry %d for a GTID, and cannot read it: %w", lsn, relay.ErrCorrupt)
	}
	if err != nil {
		return binlog.GTID{}, 0, err
	}
	g, err := binlog.Parse(e.GTID)
	return g, lsn, err
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
