package apply

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/octant-db/octant/protocol/postgres/connect"
	"github.com/octant-db/octant/protocol/postgres/ledger"
	"github.com/octant-db/octant/relay"
)

// Committed tells whether the transaction of a mark was committed, after relay.ErrOutcomeUnknown. It ends the session that was lost, if
// the server still has it, and waits until it is gone, so that the answer is final. The lane must not have been used for the origin since.
func (t *Target) Committed(ctx context.Context, mark relay.Mark) (bool, error) {
	if mark.Lane < 0 || mark.Lane >= len(t.lanes) {
		return false, fmt.Errorf("read octant.applied: no lane %d: there are %d", mark.Lane, len(t.lanes))
	}
	lost := &t.lanes[mark.Lane].unsettled
	committed := false
	err := t.withControl(ctx, func(c *connect.Conn) error {
		if err := t.end(ctx, c, lost.Load()); err != nil {
			return err
		}
		rows, err := c.Query(ctx, "read octant.applied", `SELECT origin, lane, from_seq, to_seq, hlc, nonce FROM octant.applied
 WHERE origin = $1 AND lane = $2`, strconv.Itoa(int(mark.Origin)), strconv.Itoa(mark.Lane))
		if err != nil {
			return err
		}
		committed = len(rows) == 1 && equal(rows[0], ledger.Format(mark))
		return nil
	})
	if err == nil {
		lost.Store(0)
	}
	if committed {
		t.commits.add(mark)
	}
	return committed, err
}

func equal(a, b [][]byte) bool {
	for i := range a {
		if !bytes.Equal(a[i], b[i]) {
			return false
		}
	}
	return len(a) == len(b)
}

// endPause is how often is looked whether a session has gone.
const endPause = 10 * time.Millisecond

// end ends a session of the same user and waits until it is gone.
func (t *Target) end(ctx context.Context, c *connect.Conn, pid uint32) error {
	if pid == 0 {
		return nil
	}
	deadline := t.config.Clock.Now().Add(t.config.LockWait)
	for {
		rows, err := c.Query(ctx, "end lost session", `SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity
 WHERE pid = $1 AND usename = current_user AND application_name LIKE 'octant lane %'`, strconv.FormatUint(uint64(pid), 10))
		switch {
		case err != nil:
			return err
		case len(rows) == 0:
			return nil
		case t.config.Clock.Now().After(deadline):
			return &connect.LostError{Op: "end lost session", Err: errors.New("the server still has it")}
		}
		if err := relay.Sleep(ctx, t.config.Clock, endPause); err != nil {
			return err
		}
	}
}

// Applied returns, by origin, the last transaction that the ledger says was applied, with its clock. It waits for transactions that have
// written to the ledger: one of a relay that has died may still commit.
func (t *Target) Applied(ctx context.Context) ([]relay.SeqHLC, error) {
	var applied []relay.SeqHLC
	err := t.withControl(ctx, func(c *connect.Conn) error {
		rows, err := c.Simple(ctx, "read octant.applied", `BEGIN; LOCK TABLE octant.applied IN SHARE MODE; COMMIT;
 SELECT origin, to_seq, hlc FROM octant.applied WHERE to_seq > 0`)
		if err != nil {
			return err
		}
		applied, err = foldApplied(rows)
		return err
	})
	if err == nil {
		t.commits.know(applied)
	}
	return applied, err
}

// Forget empties the ledger, for a region that becomes the copy of another one: what it says is true of rows that will not stand here any more.
func (t *Target) Forget(ctx context.Context) error {
	return t.withControl(ctx, func(c *connect.Conn) error { return c.Run(ctx, "empty octant.applied", "DELETE FROM octant.applied") })
}

func foldApplied(rows [][][]byte) ([]relay.SeqHLC, error) {
	var applied []relay.SeqHLC
	for _, row := range rows {
		var n [3]int64
		for i := range n {
			var err error
			if n[i], err = strconv.ParseInt(string(row[i]), 10, 64); err != nil {
				return nil, fmt.Errorf("read octant.applied: %w", err)
			}
		}
		if n[0] < 1 || n[0] > relay.MaxRegions {
			return nil, fmt.Errorf("read octant.applied: it has a row of region %d", n[0])
		}
		for len(applied) <= int(n[0]) {
			applied = append(applied, relay.SeqHLC{})
		}
		if seq := relay.Seq(n[1]); seq > applied[n[0]].Seq {
			applied[n[0]] = relay.SeqHLC{Seq: seq, HLC: relay.HLC(n[2])}
		}
	}
	return applied, nil
}
