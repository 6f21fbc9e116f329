package capture

import (
	"fmt"
	"sort"

	"github.com/jackc/pglogrepl"

	"github.com/octant-db/octant/relay"
)

// Locate finds the first entry that a copy of the database may lack which was made at an LSN of the server that is captured now: the consistent point of the slot whose
// snapshot pg_dump was given.
func Locate(log relay.LocalStream, at string) (relay.LSN, error) {
	lsn, err := pglogrepl.ParseLSN(at)
	if err != nil {
		return 0, fmt.Errorf("%q is no LSN: write it as in 16/B374D848", at)
	}
	first, last := relay.LSN(log.First()), relay.LSN(log.Last())
	if last < first {
		return 0, fmt.Errorf("the relay log is empty")
	}
	now, err := placeOf(log, last)
	if err != nil {
		return 0, err
	}
	var failed error
	behind := first + relay.LSN(sort.Search(int(last-first+1), func(i int) bool {
		p, err := placeOf(log, first+relay.LSN(i))
		if err != nil {
			failed = err
		}
		return err == nil && p.sameServer(now) && p.lsn > lsn
	}))
	if failed != nil {
		return 0, failed
	}
	return behind, reachesTo(log, behind, now, at)
}

func placeOf(log relay.LocalStream, lsn relay.LSN) (place, error) {
	e, _, err := log.Entry(lsn)
	if err != nil {
		return place{}, err
	}
	return parsePlace(e.Position)
}

// sameServer tells whether LSNs of the two can be compared.
func (p place) sameServer(other place) bool {
	return p.system == other.system && p.timeline == other.timeline
}

// reachesTo tells why the log may lack something between a copy and the entry that is the first behind it: nothing before that entry is of the same server.
func reachesTo(log relay.LocalStream, behind relay.LSN, now place, at string) error {
	if before := behind - 1; before >= relay.LSN(log.First()) {
		p, err := placeOf(log, before)
		if err != nil || p.sameServer(now) {
			return err
		}
	}
	return fmt.Errorf("the relay log of the server that is captured now begins behind %s: take a copy that is newer", at)
}
