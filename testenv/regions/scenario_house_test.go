package regions_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver pgx

	"github.com/octant-db/octant/testenv"
	"github.com/octant-db/octant/testenv/pgserver"
)

// house is a region's database, in the words of its engine.
type house interface {
	DB() *sql.DB
	// write runs an application's transaction, whose clock is ahead by skew.
	write(ctx context.Context, skew time.Duration, statements []string) error
	// alter runs statements that no other region hears of.
	alter(ctx context.Context, statement string) error
	// captured demands that the relay has read what write has written.
	captured(ctx context.Context, relay *sql.DB) error
	restart(ctx context.Context) error // after a crash
	// upsert is a statement that gives the row of a table's first column its second column's value.
	upsert(table string, key int, column string, value int64) string
	// takeAway and bringBack move a table out of the relay's sight; narrow and widen have it refuse rows from an id on, and take them again.
	takeAway(name string) string
	bringBack(name string) string
	narrow(name string, from int) string
	widen(name string) string
}

func houseOf(r *testenv.Region) (house, error) {
	if r.Postgres == nil {
		return binlogHouse{r.Server}, nil
	}
	db, err := sql.Open("pgx", r.Postgres.URL(pgserver.Super, pgserver.Database))
	return &walHouse{server: r.Postgres, db: db}, err
}

// execAll runs statements on one connection. A write that changes nothing is an error, after which all is rolled back.
func execAll(ctx context.Context, conn *sql.Conn, statements ...string) error {
	for _, statement := range statements {
		result, err := conn.ExecContext(ctx, statement)
		if err == nil && (strings.HasPrefix(statement, "UPDATE") || strings.HasPrefix(statement, "DELETE")) {
			if n, _ := result.RowsAffected(); n == 0 {
				err = errors.New("changes nothing")
			}
		}
		if err != nil {
			_, _ = conn.ExecContext(ctx, "ROLLBACK")
			return fmt.Errorf("%.200s: %w", statement, err)
		}
	}
	return nil
}

// connection returns one that works: the server may have been killed since the last was used.
func connection(ctx context.Context, db *sql.DB) (*sql.Conn, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	if err := conn.PingContext(ctx); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return conn, nil
}

// binlogHouse is MariaDB or MySQL.
type binlogHouse struct{ server *testenv.Server }

func (h binlogHouse) DB() *sql.DB { return h.server.DB() }

func (h binlogHouse) write(ctx context.Context, skew time.Duration, statements []string) error {
	conn, err := connection(ctx, h.DB())
	if err != nil {
		return err
	}
	defer conn.Close()
	list := []string{"SET SESSION sql_log_bin=1, timestamp=DEFAULT, autocommit=1"}
	if skew != 0 {
		list = append(list, fmt.Sprintf("SET SESSION timestamp=UNIX_TIMESTAMP()+(%d)", int(skew.Seconds())))
	}
	if len(statements) > 1 {
		statements = append(append([]string{"BEGIN"}, statements...), "COMMIT")
	}
	return execAll(ctx, conn, append(list, statements...)...)
}

func (h binlogHouse) alter(ctx context.Context, statement string) error {
	conn, err := connection(ctx, h.DB())
	if err != nil {
		return err
	}
	defer conn.Close()
	return execAll(ctx, conn, "SET SESSION sql_log_bin=0", statement, "SET SESSION sql_log_bin=1")
}

func (h binlogHouse) captured(ctx context.Context, relay *sql.DB) error {
	logs, err := ask(ctx, h.DB(), "SHOW BINARY LOGS")
	if err != nil {
		return err
	}
	last := logs[len(logs)-1]
	rows, err := ask(ctx, relay, "SELECT file, position FROM octant.log")
	if err != nil {
		return err
	}
	var end, at int64
	_, _ = fmt.Sscan(last[1], &end)
	_, _ = fmt.Sscan(rows[0][1], &at)
	if rows[0][0] != last[0] || at < end {
		return fmt.Errorf("the relay has read up to %s:%d of %s:%d", rows[0][0], at, last[0], end)
	}
	return nil
}

func (h binlogHouse) restart(ctx context.Context) error {
	return errors.Join(h.server.Kill(), h.server.Start(ctx))
}

func (binlogHouse) upsert(table string, key int, _ string, value int64) string {
	return fmt.Sprintf("REPLACE INTO %s VALUES (%d, %d)", table, key, value)
}

func (binlogHouse) takeAway(name string) string {
	return fmt.Sprintf("RENAME TABLE app.%s TO away.%s", name, name)
}
func (binlogHouse) bringBack(name string) string {
	return fmt.Sprintf("RENAME TABLE away.%s TO app.%s", name, name)
}
func (binlogHouse) narrow(name string, from int) string {
	return fmt.Sprintf("ALTER TABLE app.%s PARTITION BY RANGE (id) (PARTITION low VALUES LESS THAN (%d))", name, from)
}
func (binlogHouse) widen(name string) string {
	return fmt.Sprintf("ALTER TABLE app.%s REMOVE PARTITIONING", name)
}

// walHouse is PostgreSQL. Its commits have the server's time.
type walHouse struct {
	server *pgserver.Server
	db     *sql.DB

	mu      sync.Mutex
	written uint64 // a place in the log before the last commit
}

func (h *walHouse) DB() *sql.DB { return h.db }

func (h *walHouse) write(ctx context.Context, skew time.Duration, statements []string) error {
	if skew != 0 {
		return errors.New("the time of PostgreSQL's commits cannot be set")
	}
	conn, err := connection(ctx, h.db)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := execAll(ctx, conn, append([]string{"BEGIN"}, statements...)...); err != nil {
		return err
	}
	var at uint64
	if err := conn.QueryRowContext(ctx, "SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint").Scan(&at); err != nil {
		return err
	}
	h.mu.Lock()
	h.written = max(h.written, at)
	h.mu.Unlock()
	return execAll(ctx, conn, "COMMIT")
}

func (h *walHouse) alter(ctx context.Context, statement string) error {
	conn, err := connection(ctx, h.db)
	if err != nil {
		return err
	}
	defer conn.Close()
	return execAll(ctx, conn, statement)
}

// captured looks at what the relay has acknowledged: that is durable there.
func (h *walHouse) captured(ctx context.Context, _ *sql.DB) error {
	h.mu.Lock()
	written := h.written
	h.mu.Unlock()
	rows, err := ask(ctx, h.db, fmt.Sprintf("SELECT confirmed_flush_lsn - '0/0' FROM pg_replication_slots WHERE confirmed_flush_lsn - '0/0' <= %d", written))
	if err == nil && len(rows) > 0 {
		err = fmt.Errorf("the relay has acknowledged %s, and the last write is behind %d", flat(rows), written)
	}
	return err
}

func (h *walHouse) restart(context.Context) error {
	h.server.Kill()
	return h.server.Run()
}

func (*walHouse) upsert(table string, key int, column string, value int64) string {
	return fmt.Sprintf("INSERT INTO %s VALUES (%d, %d) ON CONFLICT (region) DO UPDATE SET %s = excluded.%s", table, key, value, column, column)
}

func (*walHouse) takeAway(name string) string {
	return fmt.Sprintf("ALTER TABLE app.%s SET SCHEMA away", name)
}
func (*walHouse) bringBack(name string) string {
	return fmt.Sprintf("ALTER TABLE away.%s SET SCHEMA app", name)
}
func (*walHouse) narrow(name string, from int) string {
	return fmt.Sprintf("ALTER TABLE app.%s ADD CONSTRAINT narrow CHECK (id < %d) NOT VALID", name, from)
}
func (*walHouse) widen(name string) string {
	return fmt.Sprintf("ALTER TABLE app.%s DROP CONSTRAINT narrow", name)
}
