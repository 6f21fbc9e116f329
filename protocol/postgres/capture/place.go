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
}

// position is the place's text: "pg:<system>:<timeline>:<lsn>:<database>".
func (p place) position() relay.Position {
	return relay.Position(fmt.Sprintf("pg:%s:%d:%s:%s", p.system, p.timeline, p.lsn, p.database))
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
	lsn, err := pglogrepl.ParseLSN(words[3])
	if err != nil {
		return place{}, fmt.Errorf("read position %q: %w", string(p), relay.ErrCorrupt)
	}
	return place{system: words[1], timeline: int32(timeline), lsn: lsn, database: words[4]}, nil
}

// LSN returns the log position in a source's position, as PostgreSQL writes it; "" if there is none.
func LSN(p relay.Position) string {
	at, err := parsePlace(p)
	if err != nil {
		return ""
	}
	return at.lsn.String()
}
