package primary

import (
	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/relay"
)

// mariaGroups serves a replica that said @slave_connect_state.
type mariaGroups struct {
	d       *dump
	held    map[uint32]relay.LSN // by domain: groups up to here are left out
	state   binlog.Set           // what the replica has
	until   binlog.Set           // domains in which it still wants something; of a dump without end: nil
	skipped bool                 // groups were left out, and the replica was not told yet what it is taken to have
}

func (mariaDB) groups(d *dump) groups {
	return &mariaGroups{d: d, state: d.options.state.Clone(), until: d.options.until.Clone()}
}

func (g *mariaGroups) start(log relay.LocalStream) (at start, err error) {
	at, g.held, err = startByGTID(log, g.d.options.state)
	return at, err
}

func (g *mariaGroups) introduced(offset uint64, all bool) error {
	if !all {
		if err := g.tellState(offset); err != nil {
			return err
		}
	}
	return g.alreadyReached()
}

// keepsSession of the first format description: to a replica that goes on it must not say that the server has just started.
func (g *mariaGroups) keepsSession() bool { return len(g.d.options.state) > 0 && !g.d.described }

// wants leaves out what the replica has. After a stretch of that the replica is told its state, as real primaries do.
func (g *mariaGroups) wants(e *batched) (send bool, err error) {
	gtid, err := binlog.Parse(e.gtid)
	if err != nil {
		return false, err
	}
	switch {
	case e.lsn <= g.held[gtid.Domain]:
		g.skipped = true
		return false, nil
	case g.stopped(gtid):
		return false, nil
	}
	if g.skipped {
		err = g.tellState(e.offset)
	}
	g.state.Add(gtid)
	return true, err
}

func (g *mariaGroups) tellState(offset uint64) error {
	g.skipped = false
	if len(g.state) == 0 {
		return nil
	}
	return g.d.event(binlog.FakeGTIDList(g.d.c.srv.cfg.ServerID, g.state.List(), uint32(offset), true))
}

func (g *mariaGroups) sent(e *batched) error { return g.reached(e) }

func (*mariaGroups) caughtUp() error { return nil }
