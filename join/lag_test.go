package join_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/octant-db/octant/applier"
	"github.com/octant-db/octant/join"
	"github.com/octant-db/octant/relay"
	"github.com/octant-db/octant/relaylog"
)

// late is a cluster of a donor and a newcomer's database that are behind by what is said, one answer after the other, and then no longer.
type late struct {
	relay.Donor
	relay.Target
	t     *testing.T
	most  time.Duration
	clock instantly

	mu                   sync.Mutex
	donors, own          []time.Duration
	behind, ownBehind    time.Duration
	rows, asked, written int
}

func (*late) Begin(context.Context, relay.Mark) (relay.Tx, error) { return empty{}, nil }

var errCopied = errors.New("all rows are copied")

func next(list *[]time.Duration) (d time.Duration) {
	if len(*list) > 0 {
		d, *list = (*list)[0], (*list)[1:]
	}
	return d
}

func (l *late) Lag(context.Context) (time.Duration, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.behind = next(&l.donors)
	l.asked++
	return l.behind, nil
}

func (l *late) Admit(context.Context, relay.Hello) (relay.Admission, error) {
	return relay.Admission{Self: relay.Hello{Name: "b", Region: 2}}, nil
}

func (l *late) Definitions(context.Context) ([]relay.TableDefinition, error) {
	return []relay.TableDefinition{{ComparedTable: relay.ComparedTable{Name: "app.t"}}}, nil
}

// Read gives full chunks as long as there are rows. None may be read while somebody is behind.
func (l *late) Read(_ context.Context, _ string, _ relay.RowKey, limit int) (relay.RowBatch, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.behind > l.most || l.ownBehind > l.most {
		l.t.Errorf("rows were read while the donor was %v behind and a replica %v", l.behind, l.ownBehind)
	}
	l.clock.After(400 * time.Millisecond)
	n := min(limit, l.rows)
	l.rows -= n
	return relay.RowBatch{Rows: n, Last: "x", Data: make([]byte, 100*n)}, nil
}

func (l *late) Redo(context.Context, relay.LSN, int64, int) (relay.LogPieces, error) {
	return relay.LogPieces{}, errCopied
}

func (l *late) Applied(context.Context) ([]relay.SeqHLC, error) { return nil, nil }

// copier is the newcomer's database.
type copier struct {
	relay.TableCopier
	*late
}

func (c copier) Definitions(ctx context.Context) ([]relay.TableDefinition, error) {
	return c.late.Definitions(ctx)
}
func (c copier) Ready(context.Context, string) (bool, error) { return true, nil }

func (c copier) Write(_ context.Context, _ string, b relay.RowBatch) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.written += b.Rows
	return nil
}

func (c copier) Read(context.Context, string, relay.RowKey, int) (relay.RowBatch, error) {
	return relay.RowBatch{}, errors.New("the newcomer's rows are not read")
}

func (c copier) Lag(context.Context) (time.Duration, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ownBehind = next(&c.own)
	return c.ownBehind, nil
}

// TestCopyingWaitsForWhoIsBehind: the donor, and the replicas of the newcomer's database.
func TestCopyingWaitsForWhoIsBehind(t *testing.T) {
	log, err := relaylog.Open(t.TempDir(), relaylog.Options{Identity: "c"})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	s := time.Second
	l := &late{t: t, most: 5 * s, clock: instantly{now: time.Unix(1000, 0)}, rows: 200_000,
		donors: []time.Duration{20 * s, 6 * s, 5 * s, 0, 9 * s, 1 * s}, own: []time.Duration{0, 0, 8 * s, 7 * s, 0, 0, 6 * s}}
	n := &join.Newcomer{
		Self: relay.Hello{Name: "c", Region: 3}, Donor: join.Member{Name: "b", Side: l}, Store: log, Copier: copier{late: l},
		Redo: applier.NewRedo(applier.Config{Target: l, Clock: &l.clock}), Options: join.Options{Lag: l.most}, Clock: &l.clock, Logger: slog.New(slog.DiscardHandler),
	}
	if err := n.Run(t.Context()); !errors.Is(err, errCopied) {
		t.Fatal(err)
	}
	if l.written != 200_000 || len(l.donors)+len(l.own) > 0 {
		t.Errorf("%d rows were written, and %d and %d answers were not asked for", l.written, len(l.donors), len(l.own))
	}
	if read := 200_000/20_000 + 3; l.asked > 7+read {
		t.Errorf("asked %d times how far the donor is behind: more often than once a second", l.asked)
	}
}
