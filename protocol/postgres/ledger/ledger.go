// Package ledger makes octant.applied, in which the applier writes a row with every transaction: the loop mark and the
// exactly-once ledger in one.
package ledger

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/octant-db/octant/protocol/postgres/connect"
	"github.com/octant-db/octant/relay"
)

// Where the relay keeps its own books.
const (
	Schema = "octant"
	Table  = "applied"
)

// Columns of the table in their order. Numbers without sign are kept as those with the same bits.
var Columns = []string{"origin", "lane", "from_seq", "to_seq", "hlc", "nonce"}

// lockKey keeps two sessions from making the table at the same time.
const lockKey = "0x6f6374616e74" // octant

const ddl = `CREATE SCHEMA IF NOT EXISTS octant;
CREATE TABLE IF NOT EXISTS octant.applied (
  origin smallint NOT NULL, lane integer NOT NULL, from_seq bigint NOT NULL, to_seq bigint NOT NULL, hlc bigint NOT NULL,
  nonce bigint NOT NULL, PRIMARY KEY (origin, lane)) WITH (fillfactor = 50);
COMMENT ON TABLE octant.applied IS 'Octant: what the relay has applied. Do not write to it.'`

// Ensure makes the table if it is missing. A user without CREATE on the database can use one that was made before.
func Ensure(ctx context.Context, c *connect.Conn) error {
	columns, err := columns(ctx, c)
	if err != nil {
		return err
	}
	if len(columns) == 0 {
		return create(ctx, c)
	}
	if !slices.Equal(columns, Columns) {
		return fmt.Errorf("open octant.applied: it has the columns %v, not %v: another program made it; rename it", columns, Columns)
	}
	return nil
}

// defined has, for each origin, the last definition of it that was run here: which transaction's, and where it stood in the origin's log.
const defined = `CREATE TABLE IF NOT EXISTS octant.defined (origin smallint PRIMARY KEY, seq bigint NOT NULL, hlc bigint NOT NULL, place numeric(20) NOT NULL);
COMMENT ON TABLE octant.defined IS 'Octant: what definitions the relay has run. Do not write to it.'`

// EnsureDefined makes octant.defined if it is missing.
func EnsureDefined(ctx context.Context, c *connect.Conn) error {
	rows, err := c.Query(ctx, "look for octant.defined", "SELECT pg_catalog.to_regclass('octant.defined') IS NULL")
	if err != nil || string(rows[0][0]) != "t" {
		return err
	}
	return alone(ctx, c, "create octant.defined", defined)
}

// alone runs statements while no other relay does.
func alone(ctx context.Context, c *connect.Conn, op, statements string) error {
	key, err := strconv.ParseInt(lockKey, 0, 64)
	if err != nil {
		return err
	}
	return c.Run(ctx, op, fmt.Sprintf("BEGIN; SELECT pg_catalog.pg_advisory_xact_lock(%d); %s; COMMIT", key, statements))
}

func create(ctx context.Context, c *connect.Conn) error {
	if err := alone(ctx, c, "create octant.applied", ddl); err != nil {
		_ = c.Run(ctx, "roll back", "ROLLBACK")
		return fmt.Errorf("%w (the user needs CREATE on the database, or that somebody makes schema octant for it)", err)
	}
	return nil
}

func columns(ctx context.Context, c *connect.Conn) ([]string, error) {
	rows, err := c.Query(ctx, "look for octant.applied", `SELECT a.attname FROM pg_catalog.pg_attribute a
WHERE a.attrelid = pg_catalog.to_regclass('octant.applied') AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, row := range rows {
		names = append(names, string(row[0]))
	}
	return names, nil
}

// Parse reads a row of the table, in the order of Columns.
func Parse(texts [][]byte) (relay.Mark, error) {
	var n [6]int64
	if len(texts) != len(n) {
		return relay.Mark{}, fmt.Errorf("octant.applied has %d columns, not %d: drop it, and the relay makes it again", len(texts), len(n))
	}
	for i, text := range texts {
		var err error
		if n[i], err = strconv.ParseInt(string(text), 10, 64); err != nil {
			return relay.Mark{}, fmt.Errorf("column %s of octant.applied is not a number: drop the table, and the relay makes it again", Columns[i])
		}
	}
	m := relay.Mark{
		Origin: relay.Region(max(0, min(n[0], 255))), Lane: int(n[1]), Range: relay.Range{From: relay.Seq(n[2]), To: relay.Seq(n[3])},
		HLC: relay.HLC(n[4]), Nonce: uint64(n[5]),
	}
	if !m.Origin.Valid() || m.Range.From > m.Range.To {
		return m, fmt.Errorf("a row of octant.applied that no relay writes: region %d, sequences %d to %d", n[0], n[2], n[3])
	}
	return m, nil
}

// Format is the reverse of Parse.
func Format(m relay.Mark) [][]byte {
	var list [][]byte
	for _, n := range [...]int64{int64(m.Origin), int64(m.Lane), int64(m.Range.From), int64(m.Range.To), int64(m.HLC), int64(m.Nonce)} {
		list = append(list, strconv.AppendInt(nil, n, 10))
	}
	return list
}

// Upsert writes a mark, in the order of Columns. No row is affected if it stands there already, column for column.
var Upsert = fmt.Sprintf(`INSERT INTO octant.applied AS a (%s) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (origin, lane) DO UPDATE
SET from_seq = excluded.from_seq, to_seq = excluded.to_seq, hlc = excluded.hlc, nonce = excluded.nonce
WHERE (a.from_seq, a.to_seq, a.hlc, a.nonce) IS DISTINCT FROM (excluded.from_seq, excluded.to_seq, excluded.hlc, excluded.nonce)`,
	strings.Join(Columns, ", "))
