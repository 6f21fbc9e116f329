package primary

import (
	"errors"
	"math"
	"sort"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/relay"
)

// startByGTID finds where a replica that holds state goes on. The refusals are those of check_slave_start_position and
// contains_all_slave_gtid in MariaDB's sql/sql_repl.cc: a domain that the replica does not know starts at its very first group,
// and if that is gone, the replica cannot be served.
//
// held is by domain: the groups up to there are left out.
func startByGTID(log relay.LocalStream, state binlog.Set) (at start, held map[uint32]relay.LSN, err error) {
	last := relay.LSN(log.Last())
	if uint64(last) < log.First() {
		return start{}, nil, errEmpty()
	}
	base, err := base(log)
	if err != nil {
		return start{}, nil, err
	}
	p := planner{log: log, base: base, next: last + 1, held: map[uint32]relay.LSN{}}
	for _, g := range state.List() {
		if err := p.domain(g); err != nil {
			return start{}, nil, err
		}
	}
	if err := p.missing(state, last); err != nil {
		return start{}, nil, err
	}
	return start{lsn: p.next}, p.held, nil
}

// planner finds the earliest entry that a replica needs, domain by domain.
type planner struct {
	log  relay.LocalStream
	base binlog.Set
	next relay.LSN // the earliest entry needed so far
	held map[uint32]relay.LSN
}

// domain takes the replica's last group of one domain.
func (p *planner) domain(g binlog.GTID) error {
	newest, newestLSN, err := floorGTID(p.log, g.Domain, math.MaxUint64)
	if errors.Is(err, relay.ErrNotFound) {
		return p.outside(g)
	}
	if err != nil {
		return err
	}
	if g.Seq > newest.Seq {
		return errAhead(g.String())
	}
	if g == newest {
		p.held[g.Domain] = newestLSN
		return nil
	}
	at, lsn, err := floorGTID(p.log, g.Domain, g.Seq)
	switch {
	case errors.Is(err, relay.ErrNotFound):
		return p.beforeFirst(g)
	case err != nil:
		return err
	case at != g:
		return errDiverged(g.String())
	}
	p.held[g.Domain] = lsn
	p.need(lsn + 1)
	return nil
}

// outside takes a group of a domain of which the log holds nothing. If the database never had any either, some other
// primary of this replica serves the domain.
func (p *planner) outside(g binlog.GTID) error {
	b, ok := p.base[g.Domain]
	switch {
	case !ok || same(b, g):
		return nil
	case g.Seq < b.Seq:
		return errPurged()
	case g.Seq == b.Seq:
		return errDiverged(g.String())
	}
	return errAhead(g.String())
}

// beforeFirst takes a group that comes before the first one of its domain in the log.
func (p *planner) beforeFirst(g binlog.GTID) error {
	b, ok := p.base[g.Domain]
	switch {
	case ok && g.Seq < b.Seq:
		return errPurged()
	case !ok || !same(b, g):
		return errDiverged(g.String())
	}
	return p.first(g.Domain)
}

// missing takes the domains that the log has and the replica does not name.
func (p *planner) missing(state binlog.Set, last relay.LSN) error {
	after, err := stateAfter(p.log, last)
	if err != nil {
		return err
	}
	for _, g := range after.List() {
		if _, ok := state[g.Domain]; ok {
			continue
		}
		if _, ok := p.base[g.Domain]; ok {
			return errPurged()
		}
		if err := p.first(g.Domain); err != nil {
			return err
		}
	}
	return nil
}

// first says that the replica needs the domain's first group in the log. The positions of the entries tell where that is.
func (p *planner) first(domain uint32) error {
	low := relay.LSN(p.log.First())
	var failed error
	n := sort.Search(int(p.next-min(low, p.next)), func(i int) bool {
		set, err := stateAfter(p.log, low+relay.LSN(i))
		if err != nil {
			failed = err
		}
		g, ok := set[domain]
		return ok && g != p.base[domain]
	})
	p.need(low + relay.LSN(n))
	return failed
}

func (p *planner) need(lsn relay.LSN) { p.next = min(p.next, lsn) }

// stateAfter returns the GTID state after an entry.
func stateAfter(log relay.LocalStream, lsn relay.LSN) (binlog.Set, error) {
	e, _, err := log.Entry(lsn)
	if err != nil {
		return nil, err
	}
	position, err := binlog.ParsePosition(string(e.Position))
	return position.GTIDs, err
}
