package history

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/protocol/mysql/gtid"
	"github.com/octant-db/octant/relay"
)

// ErrMalformed says that a text is no set of GTIDs of the log's flavour.
var ErrMalformed = errors.New("malformed set of GTIDs")

// reached is the durable end of the log.
func (l Log) reached() (binlog.Position, error) {
	state := l.State()
	if state.Position == "" {
		return binlog.Position{}, nil
	}
	return binlog.ParsePosition(string(state.Position))
}

// wait returns once ok holds of the durable end of the log, which is looked at with every entry, or when ctx ends.
func (l Log) wait(ctx context.Context, ok func(binlog.Position) (bool, error)) (entries int64, err error) {
	for first := l.Local().Last(); ; {
		last := l.Local().Last()
		at, err := l.reached()
		if err != nil {
			return 0, fmt.Errorf("read where the log ends: %w", err)
		}
		if there, err := ok(at); there || err != nil {
			return int64(last - first), err
		}
		if err := l.Local().WaitDurable(ctx, relay.LSN(last+1)); err != nil {
			return 0, err
		}
	}
}

// WaitGTIDs returns once the log holds all of the set, durably, or when ctx ends. ErrMalformed: it is no set.
func (l Log) WaitGTIDs(ctx context.Context, set string) error {
	_, err := l.wait(ctx, func(at binlog.Position) (bool, error) { return holds(at, set) })
	return err
}

// holds tells whether everything in the set comes before the position. A MariaDB sequence stands for all before it in its domain.
func holds(at binlog.Position, set string) (bool, error) {
	if at.Flavour == binlog.MySQL {
		wanted, err := gtid.ParseSet(set)
		if err != nil {
			return false, fmt.Errorf("%w: %w", ErrMalformed, err)
		}
		return at.Executed.Includes(wanted), nil
	}
	wanted, err := binlog.ParseSet(strings.ReplaceAll(set, " ", ""))
	if err != nil {
		return false, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	for domain, g := range wanted {
		if at.GTIDs[domain].Seq < g.Seq {
			return false, nil
		}
	}
	return true, nil
}

// WaitPosition returns once the log reaches the offset in the file or is past it, and for how many entries it waited, or when ctx ends.
func (l Log) WaitPosition(ctx context.Context, file string, offset uint64) (entries int64, err error) {
	return l.wait(ctx, func(at binlog.Position) (bool, error) {
		if at.File == file {
			return at.Offset >= offset, nil
		}
		return at.File != "" && before(file, at.File), nil
	})
}

// before tells whether one file of a server's log comes before another one: they are numbered.
func before(a, b string) bool {
	nameA, numberA, okA := numbered(a)
	nameB, numberB, okB := numbered(b)
	return okA && okB && nameA == nameB && numberA < numberB
}

func numbered(file string) (name string, number uint64, ok bool) {
	dot := strings.LastIndexByte(file, '.')
	if dot < 0 {
		return "", 0, false
	}
	number, err := strconv.ParseUint(file[dot+1:], 10, 64)
	return file[:dot], number, err == nil
}

// GTIDsAt returns what had been executed at a place between two entries; ok is false elsewhere.
func (l Log) GTIDsAt(file string, offset uint64) (set string, ok bool, err error) {
	if offset <= firstOffset {
		return "", false, nil
	}
	lsn, err := l.Local().Floor(binlog.PositionPrefix(file), binlog.PositionKey(file, offset-1))
	if errors.Is(err, relay.ErrNotFound) || errors.Is(err, relay.ErrTrimmed) {
		return "", false, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("find %s:%d: %w", file, offset, err)
	}
	e, _, err := l.Local().Entry(lsn)
	if err != nil {
		return "", false, fmt.Errorf("read %s:%d: %w", file, offset, err)
	}
	at, err := binlog.ParsePosition(string(e.Position))
	if err != nil {
		return "", false, fmt.Errorf("read %s:%d: %w", file, offset, err)
	}
	if _, begin, there := place(&e); !there || begin+uint64(e.Size) != offset {
		return "", false, nil
	}
	if at.Flavour == binlog.MySQL {
		return at.Executed.String(), true, nil
	}
	return at.GTIDs.String(), true, nil
}

// Subset tells whether every transaction of set, in MySQL's text, is in of.
func (Log) Subset(set, of string) (bool, error) {
	a, b, err := sets(set, of)
	return err == nil && b.Includes(a), err
}

// Subtract returns the transactions of set, in MySQL's text, that are not in less.
func (Log) Subtract(set, less string) (string, error) {
	a, b, err := sets(set, less)
	if err != nil {
		return "", err
	}
	return a.Subtract(b).String(), nil
}

func sets(a, b string) (gtid.Set, gtid.Set, error) {
	setA, errA := gtid.ParseSet(a)
	setB, errB := gtid.ParseSet(b)
	if err := errors.Join(errA, errB); err != nil {
		return gtid.Set{}, gtid.Set{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return setA, setB, nil
}
