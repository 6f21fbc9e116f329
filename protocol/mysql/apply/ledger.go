package apply

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/go-mysql-org/go-mysql/mysql"

	"github.com/octant-db/octant/relay"
)

// ledgerDDL makes the bookkeeping table. The order of its columns is a contract with capture, which reads the mark from the first
// row event of a transaction.
const ledgerDDL = `CREATE TABLE IF NOT EXISTS octant.applied (
 origin TINYINT UNSIGNED NOT NULL, lane SMALLINT UNSIGNED NOT NULL, from_seq BIGINT UNSIGNED NOT NULL,
 to_seq BIGINT UNSIGNED NOT NULL, hlc BIGINT NOT NULL, nonce BIGINT UNSIGNED NOT NULL, PRIMARY KEY(origin,lane)) ENGINE=InnoDB`

var ledgerColumns = []string{"origin", "lane", "from_seq", "to_seq", "hlc", "nonce"}

const maxLane = 1<<16 - 1

// createLedger makes schema and table where they are missing. It looks first, so that a user without CREATE will do
// once they are there.
func createLedger(ctx context.Context, s *session) error {
	columns, err := readLedgerColumns(ctx, s)
	if err != nil {
		return err
	}
	if len(columns) == 0 {
		if _, err := s.query(ctx, "create octant.applied", "CREATE DATABASE IF NOT EXISTS octant;"+ledgerDDL); err != nil {
			return fmt.Errorf("%w (the user needs CREATE, SELECT, INSERT, UPDATE ON octant.*)", err)
		}
		return nil
	}
	if !slices.Equal(columns, ledgerColumns) {
		return fmt.Errorf("open octant.applied: it has the columns %v, not %v: another program made it; rename it", columns, ledgerColumns)
	}
	return nil
}

func readLedgerColumns(ctx context.Context, s *session) ([]string, error) {
	rs, err := s.query(ctx, "look for octant.applied", `SELECT column_name FROM information_schema.columns
 WHERE table_schema='octant' AND table_name='applied' ORDER BY ordinal_position`)
	if err != nil {
		return nil, err
	}
	var columns []string
	for _, row := range rs[0].Values {
		columns = append(columns, string(row[0].AsString()))
	}
	return columns, nil
}

// markStatement writes the mark's row.
func markStatement(b []byte, m relay.Mark) []byte {
	b = append(b, "INSERT INTO octant.applied VALUES("...)
	b = strconv.AppendUint(b, uint64(m.Origin), 10)
	for _, n := range [...]uint64{uint64(m.Lane), uint64(m.Range.From), uint64(m.Range.To)} {
		b = strconv.AppendUint(append(b, ','), n, 10)
	}
	b = strconv.AppendInt(append(b, ','), int64(m.HLC), 10)
	b = strconv.AppendUint(append(b, ','), m.Nonce, 10)
	return append(b, ") ON DUPLICATE KEY UPDATE from_seq=VALUES(from_seq),to_seq=VALUES(to_seq),hlc=VALUES(hlc),nonce=VALUES(nonce)"...)
}

// Committed tells whether the transaction of a mark was committed, after ErrCommitUnknown. It ends the session that was lost, if the
// server still has it, and waits for its lock on the mark's row, so that the answer is final. Where that lock does not go away within
// LockWait the error is Retryable. The lane must not have been used for the origin since.
func (t *Target) Committed(ctx context.Context, mark relay.Mark) (bool, error) {
	if mark.Lane < 0 || mark.Lane >= len(t.lanes) {
		return false, fmt.Errorf("read octant.applied: no lane %d: there are %d", mark.Lane, len(t.lanes))
	}
	lost := &t.lanes[mark.Lane].unsettled
	committed := false
	err := t.withControl(ctx, func(s *session) error {
		if err := s.kill(ctx, lost.Load()); err != nil {
			return err
		}
		rs, err := s.query(ctx, "read octant.applied", fmt.Sprintf(
			"SELECT from_seq, to_seq, hlc, nonce FROM octant.applied WHERE origin=%d AND lane=%d FOR UPDATE", mark.Origin, mark.Lane))
		if err != nil {
			return err
		}
		committed = len(rs[0].Values) == 1 && holds(rs[0].Values[0], mark)
		return nil
	})
	if err == nil {
		lost.Store(0)
	}
	return committed, err
}

func holds(row []mysql.FieldValue, m relay.Mark) bool {
	return relay.Seq(row[0].AsUint64()) == m.Range.From && relay.Seq(row[1].AsUint64()) == m.Range.To &&
		relay.HLC(row[2].AsInt64()) == m.HLC && row[3].AsUint64() == m.Nonce
}

// kill ends a session of the same user. That it is gone already is well.
func (s *session) kill(ctx context.Context, id uint32) error {
	if id == 0 {
		return nil
	}
	_, err := s.query(ctx, "end lost session", fmt.Sprintf("KILL CONNECTION %d", id))
	var e *Error
	if errors.As(err, &e) && e.Code == codeNoSuchThread {
		return nil
	}
	return err
}

// Applied returns, by origin, the last transaction that the ledger says was applied, with its clock. It reads what is
// committed, and waits for transactions that hold a row of the ledger: one of a relay that has died may still commit.
func (t *Target) Applied(ctx context.Context) ([]relay.SeqHLC, error) {
	var applied []relay.SeqHLC
	err := t.withControl(ctx, func(s *session) error {
		rs, err := s.query(ctx, "read octant.applied", "SELECT origin, to_seq, hlc FROM octant.applied WHERE to_seq>0 LOCK IN SHARE MODE")
		if err != nil {
			return err
		}
		applied, err = foldApplied(rs[0])
		return err
	})
	return applied, err
}

// Forget empties the ledger, for a region that becomes the copy of another one: what it says is true of rows that will not stand here any more.
func (t *Target) Forget(ctx context.Context) error {
	return t.withControl(ctx, func(s *session) error {
		_, err := s.query(ctx, "empty octant.applied", "DELETE FROM octant.applied")
		return err
	})
}

func foldApplied(r *mysql.Result) ([]relay.SeqHLC, error) {
	var applied []relay.SeqHLC
	for _, row := range r.Values {
		origin, seq, hlc := row[0].AsUint64(), relay.Seq(row[1].AsUint64()), relay.HLC(row[2].AsInt64())
		if !relay.Region(min(origin, 255)).Valid() {
			return nil, errors.New("read octant.applied: it has a row of region " + strconv.FormatUint(origin, 10))
		}
		for len(applied) <= int(origin) {
			applied = append(applied, relay.SeqHLC{})
		}
		if seq > applied[origin].Seq {
			applied[origin] = relay.SeqHLC{Seq: seq, HLC: hlc}
		}
	}
	return applied, nil
}
