package primary

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"time"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/relay"
)

// Places finds entries of a relay log by what PURGE BINARY LOGS names.
type Places struct{ Local relay.LocalStream }

// File returns the first entry of one of the database's log files, relay.ErrNotFound if the log does not hold the file.
func (p Places) File(_ context.Context, name string) (relay.LSN, error) {
	first := relay.LSN(p.Local.First())
	before, err := p.Local.Floor("p", binlog.PositionPrefix(name))
	switch {
	case err == nil:
		first = before + 1
	case !errors.Is(err, relay.ErrNotFound) && !errors.Is(err, relay.ErrTrimmed):
		return 0, fmt.Errorf("find file %s: %w", name, err)
	}
	e, _, err := p.Local.Entry(first)
	if err != nil {
		return 0, fmt.Errorf("find file %s: %w", name, relay.ErrNotFound)
	}
	if file, _, ok := placeOf(&e); !ok || file != name {
		return 0, fmt.Errorf("find file %s: %w", name, relay.ErrNotFound)
	}
	return first, nil
}

// Time returns the first entry that was committed at t or later, the number after the last if there is none.
func (p Places) Time(ctx context.Context, t time.Time) (relay.LSN, error) {
	first, last := p.Local.First(), p.Local.Last()
	var failed error
	n := sort.Search(int(last-first+1), func(i int) bool {
		at, err := p.committed(ctx, relay.LSN(first+uint64(i)), relay.LSN(last))
		failed = errors.Join(failed, err)
		return at.IsZero() || !at.Before(t)
	})
	return relay.LSN(first + uint64(n)), failed
}

// committed is the time of the entry, or of the next one that has a time: frames have none. Zero if there is none up to last.
func (p Places) committed(ctx context.Context, lsn, last relay.LSN) (time.Time, error) {
	for ; lsn <= last; lsn++ {
		e, _, err := p.Local.Entry(lsn)
		if err == nil {
			err = ctx.Err()
		}
		if err != nil || !e.Time.IsZero() {
			return e.Time, err
		}
	}
	return time.Time{}, nil
}
