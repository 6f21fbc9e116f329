package compare

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/octant-db/octant/internal/pool"
	"github.com/octant-db/octant/protocol/postgres/catalog"
	"github.com/octant-db/octant/protocol/postgres/connect"
	"github.com/octant-db/octant/protocol/values"
	"github.com/octant-db/octant/relay"
)

// Copier copies rows out of a database or into one. Its methods may be called from several goroutines; as many work at a time as it has connections.
//
// Rows travel as COPY writes them: text whose form the session's settings pin, as that of the log. Triggers and foreign keys do not fire for rows that are
// written, so the user must be allowed to set session_replication_role.
type Copier struct {
	clock   relay.Clock
	readers *pool.Pool[*Reader]
}

var (
	_ relay.Leveller  = (*Copier)(nil)
	_ relay.Numbering = (*Copier)(nil)
)

// copying are the settings of a copier's sessions. What is noted as written must not be lost in a crash; and rows are found by their keys, in whose order
// they are read: what the server believes to know of a table that is being filled is no help.
var copying = map[string]string{
	"lock_timeout": "5s", "synchronous_commit": "on", "default_transaction_isolation": "read committed", "default_transaction_read_only": "off",
	"enable_seqscan": "off", "enable_bitmapscan": "off", "enable_hashjoin": "off", "enable_mergejoin": "off",
}

// NewCopier returns a copier with so many connections, which are made when they are needed.
func NewCopier(c Config, connections int) *Copier {
	readers := make([]*Reader, connections)
	for i := range readers {
		readers[i] = New(c)
		readers[i].name, readers[i].settings = "octant join", copying
	}
	return &Copier{clock: relay.SystemClock{}, readers: pool.New(readers...)}
}

// Close ends the connections. No other method may be running.
func (p *Copier) Close() error { return p.readers.Close() }

// with lends a connection and a table's definition.
func (p *Copier) with(ctx context.Context, name string, use func(*connect.Conn, *catalog.Table) error) error {
	return p.readers.Lend(ctx, func(r *Reader) error { return r.with(ctx, name, use) })
}

// Definitions implements relay.TableCopier. When it returns, all is visible that is in the log by the time that it is called.
func (p *Copier) Definitions(ctx context.Context) (list []relay.TableDefinition, err error) {
	err = p.readers.Lend(ctx, func(r *Reader) error {
		if err := r.withSession(ctx, func(c *connect.Conn) error { return p.settle(ctx, c) }); err != nil {
			return err
		}
		tables, err := r.Tables(ctx)
		if err != nil {
			return err
		}
		list = make([]relay.TableDefinition, len(tables))
		return r.withSession(ctx, func(c *connect.Conn) error {
			for i, t := range tables {
				list[i].ComparedTable = t
				known := r.tables[t.Name]
				list[i].Definition += labels(known)
				if list[i].Rows, err = estimate(ctx, c, known); err != nil {
					return err
				}
			}
			return nil
		})
	})
	return list, err
}

// labels are the words that columns of enumerations take.
func labels(t *catalog.Table) string {
	var b strings.Builder
	for _, c := range t.Columns {
		if len(c.Labels) > 0 {
			fmt.Fprintf(&b, "\n%s takes %q", c.Name, c.Labels)
		}
	}
	return b.String()
}

// How long transactions that are running may take to end, and how often is looked.
const (
	settleTime  = time.Minute
	settlePause = 20 * time.Millisecond
)

// settle waits until all transactions have ended that have written something by now. A transaction is in the log before other sessions see what it wrote:
// see RecordTransactionCommit and ProcArrayEndTransaction. Of such a one neither a copied row nor what is done again of the log might show anything.
func (p *Copier) settle(ctx context.Context, c *connect.Conn) error {
	rows, err := c.Query(ctx, "take a transaction's number", "SELECT pg_catalog.pg_current_xact_id()") // the others' are lower
	if err != nil {
		return err
	}
	number := string(rows[0][0])
	for deadline := p.clock.Now().Add(settleTime); ; {
		rows, err := c.Query(ctx, "read pg_current_snapshot", "SELECT pg_catalog.pg_snapshot_xmin(pg_catalog.pg_current_snapshot()) > $1::xid8", number)
		if err != nil || string(rows[0][0]) == "t" {
			return err
		}
		if p.clock.Now().After(deadline) {
			return errors.New("transactions have been writing for longer than a minute, and their rows cannot be seen yet: end them, or try again later" +
				" (SELECT * FROM pg_stat_activity WHERE backend_xid IS NOT NULL, and pg_prepared_xacts)")
		}
		if err := relay.Sleep(ctx, p.clock, settlePause); err != nil {
			return err
		}
	}
}

// estimate is about how many rows a table has, its partitions' included.
func estimate(ctx context.Context, c *connect.Conn, t *catalog.Table) (uint64, error) {
	rows, err := c.Query(ctx, "estimate the rows of a table", `SELECT coalesce(sum(greatest(c.reltuples, 0)), 0)::bigint
FROM pg_catalog.pg_partition_tree($1::oid) p JOIN pg_catalog.pg_class c ON c.oid = p.relid WHERE p.isleaf`, t.OID)
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseUint(string(rows[0][0]), 10, 64)
	if err != nil || n > 0 || t.Kind != "r" {
		return n, err
	}
	rows, err = c.Query(ctx, "estimate the rows of a table", // one that was never analyzed is known by its size alone
		"SELECT pg_catalog.pg_relation_size($1::oid) / $2::int", t.OID, rowBytes)
	if err != nil {
		return 0, err
	}
	return strconv.ParseUint(string(rows[0][0]), 10, 64)
}

// rowBytes is about how long a row is, if nothing is known of it.
const rowBytes = 100

// only is the table in a statement, without those that inherit from it, which are tables of their own. Partitions are no tables of their own.
func only(t *catalog.Table) string {
	if t.Kind == "p" {
		return connect.Table(t.Schema, t.Name)
	}
	return "ONLY " + connect.Table(t.Schema, t.Name)
}

// Read implements relay.TableCopier.
func (p *Copier) Read(ctx context.Context, name string, after relay.RowKey, limit int) (relay.RowBatch, error) {
	return p.ReadSpan(ctx, name, relay.Span{After: after}, limit)
}

// ReadSpan implements relay.Leveller.
func (p *Copier) ReadSpan(ctx context.Context, name string, s relay.Span, limit int) (b relay.RowBatch, err error) {
	err = p.with(ctx, name, func(c *connect.Conn, t *catalog.Table) error {
		condition, err := where(t, s)
		if err != nil {
			return err
		}
		var out bytes.Buffer
		tag, err := c.CopyTo(ctx, &out, fmt.Sprintf("COPY (SELECT %s FROM %s%s ORDER BY %s LIMIT %d) TO STDOUT",
			allColumns(t), only(t), condition, keyColumns(t), limit))
		if err != nil {
			return connect.NewError(ctx, "read rows", name, err)
		}
		b = relay.RowBatch{Rows: int(tag.RowsAffected()), Data: out.Bytes()}
		b.Last, err = lastKey(t, b)
		return err
	})
	return b, err
}

// lastKey is the key of the last row of a batch.
func lastKey(t *catalog.Table, b relay.RowBatch) (relay.RowKey, error) {
	lines, err := copiedLines(b)
	if err != nil || len(lines) == 0 {
		return "", err
	}
	return keyOfLine(t, lines[len(lines)-1])
}

func keyOfLine(t *catalog.Table, line []byte) (relay.RowKey, error) {
	cells, err := copiedCells(line, len(t.Columns))
	if err != nil {
		return "", err
	}
	values := make([][]byte, len(t.Key))
	for i, k := range t.Key {
		values[i] = cells[k]
	}
	return relay.NewRowKey(values), nil
}

// Images implements relay.TableCopier.
func (p *Copier) Images(ctx context.Context, name string, after relay.RowKey, limit int) (relay.RowImages, error) {
	return values.Images(ctx, p, name, after, limit)
}

// Hold implements values.Holder.
func (p *Copier) Hold(ctx context.Context, name string, use func(values.Held) error) error {
	return p.readers.Lend(ctx, func(r *Reader) error { return r.Hold(ctx, name, use) })
}

// Create implements relay.TableCopier. What a table is made of, its types, defaults, sequences, indexes and constraints, cannot be told by one
// statement.
func (p *Copier) Create(_ context.Context, list []relay.TableDefinition) error {
	if len(list) == 0 {
		return nil
	}
	names := make([]string, len(list))
	for i, t := range list {
		names[i] = t.Name
	}
	return fmt.Errorf("tables are missing here: %s: make them first, with pg_dump --schema-only --exclude-schema=octant of the other region", strings.Join(names, ", "))
}
