package capture

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pglogrepl"

	"github.com/octant-db/octant/relay"
)

// place is where capture goes on, and in which database.
type place struct {
	system   string // the cluster's system identifier
	timeline int32
	database string
	lsn      pglogrepl.LSN // everything that was committed before it has been captured

	// commit is where the last transaction before it was committed, and xid its number: what proves that a log is the one that was read. 0: not known.
	commit pglogrepl.LSN
	xid    uint32
}

// position is the place's text: "pg:<system>:<timeline>:<lsn>:<database>", the lsn followed by "^<commit>^<xid>" if they are known.
func (p place) position() relay.Position {
	at := p.lsn.String()
	if p.commit != 0 {
		at = fmt.Sprintf("%s^%s^%d", at, p.commit, p.xid)
	}
	return relay.Position(fmt.Sprintf("pg:%s:%d:%s:%s", p.system, p.timeline, at, p.database))
}

func parsePlace(p relay.Position) (place, error) {
	words := strings.SplitN(string(p), ":", 5)
	if len(words) != 5 || words[0] != "pg" {
		return place{}, fmt.Errorf("read position %q: it is not one of PostgreSQL: %w", string(p), relay.ErrDiverged)
	}
	timeline, err := strconv.ParseInt(words[2], 10, 32)
	if err != nil {
		return place{}, fmt.Errorf("read position %q: %w", string(p), relay.ErrCorrupt)
	}
	at := place{system: words[1], timeline: int32(timeline), database: words[4]}
	if err := at.parseLSN(words[3]); err != nil {
		return place{}, fmt.Errorf("read position %q: %w", string(p), relay.ErrCorrupt)
	}
	return at, nil
}

func (p *place) parseLSN(text string) (err error) {
	words := strings.Split(text, "^")
	if p.lsn, err = pglogrepl.ParseLSN(words[0]); err != nil || len(words) == 1 {
		return err
	}
	if len(words) != 3 {
		return relay.ErrCorrupt
	}
	if p.commit, err = pglogrepl.ParseLSN(words[1]); err != nil {
		return err
	}
	xid, err := strconv.ParseUint(words[2], 10, 32)
	p.xid = uint32(xid)
	return err
}

// LSN returns the log position in a source's position, as PostgreSQL writes it; "" if there is none.
func LSN(p relay.Position) string {
	at, err := parsePlace(p)
	if err != nil {
		return ""
	}
	return at.lsn.String()
}
