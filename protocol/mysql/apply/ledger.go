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
