//go:build bench

package bench_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5/pgconn"
	"golang.org/x/sync/errgroup"
)

// The tables are those of sysbench's oltp_write_only, whose transactions update an indexed column, update
// another one, delete a row and insert it again.
const (
	workTables  = 4
	rowsOfTable = 10_000  // sysbench's own: a backlog changes every row several times
	manyRows    = 200_000 // of tables of which a backlog changes a few
	loaders     = 4
)

// workSchema also makes the table whose one row ends the backlog.
func workSchema() string {
	var b strings.Builder
	b.WriteString("CREATE DATABASE bench; CREATE TABLE bench.done (id INT PRIMARY KEY);")
	for i := range workTables {
		fmt.Fprintf(&b, `CREATE TABLE bench.sbtest%d (id INT NOT NULL PRIMARY KEY, k INT NOT NULL DEFAULT 0,
			c CHAR(120) NOT NULL DEFAULT '', pad CHAR(60) NOT NULL DEFAULT '', KEY k_%d (k)) CHARSET=latin1;`, i, i)
	}
	return b.String()
}

// fillTables gives a server the same rows as every other one.
func fillTables(t *testing.T, ctx context.Context, db *sql.DB) {
	t.Helper()
	mustExec(t, ctx, db, workSchema())
	r := rand.New(rand.NewPCG(1, 1))
	for table := range workTables {
		for id := 0; id < rowsOfTable; {
			var values []string
			for range 1000 {
				id++
				values = append(values, fmt.Sprintf("(%d,%d,'%s','%s')", id, r.IntN(rowsOfTable), digits(r, 10), digits(r, 5)))
			}
			mustExec(t, ctx, db, fmt.Sprintf("INSERT INTO bench.sbtest%d VALUES %s", table, strings.Join(values, ",")))
		}
	}
}

// writeBacklog commits the transactions, and then the row that ends them.
func writeBacklog(t *testing.T, ctx context.Context, db *sql.DB, transactions int) {
	t.Helper()
	writeTransactions(t, ctx, db, rowsOfTable, transactions, 2)
	mustExec(t, ctx, db, "INSERT INTO bench.done VALUES (1)")
}

func writeTransactions(t *testing.T, ctx context.Context, db *sql.DB, rows, transactions int, seed uint64) {
	t.Helper()
	g, gctx := errgroup.WithContext(ctx)
	for l := range loaders {
		g.Go(func() error {
			r := rand.New(rand.NewPCG(seed, uint64(l)))
			for n := l; n < transactions; n += loaders {
				if err := commit(gctx, db, workTransaction(r, rows)); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
}

// workTransaction is one transaction, on tables of so many rows, as a text of several statements, which spares the loader round trips.
func workTransaction(r *rand.Rand, rows int) string {
	table := func() int { return r.IntN(workTables) }
	id := func() int { return 1 + r.IntN(rows) }
	swap, key := table(), id()
	return fmt.Sprintf(`BEGIN;UPDATE bench.sbtest%d SET k=k+1 WHERE id=%d;UPDATE bench.sbtest%d SET c='%s' WHERE id=%d;
DELETE FROM bench.sbtest%d WHERE id=%d;INSERT INTO bench.sbtest%d (id,k,c,pad) VALUES (%d,%d,'%s','%s');COMMIT`,
		table(), id(), table(), digits(r, 10), id(), swap, key, swap, key, r.IntN(rows), digits(r, 10), digits(r, 5))
}

// commit runs the text until no other loader is in its way.
func commit(ctx context.Context, db *sql.DB, text string) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	for {
		_, err := conn.ExecContext(ctx, text)
		if !collided(err) {
			return err
		}
		if _, err := conn.ExecContext(ctx, "ROLLBACK"); err != nil {
			return err
		}
	}
}

// collided tells whether a transaction was undone for others that were in its way: ER_LOCK_DEADLOCK, deadlock_detected, unique_violation. The last
// one comes where another transaction has replaced the row that this one was about to delete.
func collided(err error) bool {
	var answer *mysql.MySQLError
	var other *pgconn.PgError
	return errors.As(err, &answer) && answer.Number == 1213 || errors.As(err, &other) && (other.Code == "40P01" || other.Code == "23505")
}

// digits returns n groups of eleven digits as sysbench makes them.
func digits(r *rand.Rand, n int) string {
	b := make([]byte, 0, 12*n)
	for i := range n {
		if i > 0 {
			b = append(b, '-')
		}
		b = fmt.Appendf(b, "%011d", r.Uint64N(1e11))
	}
	return string(b)
}

func mustExec(t *testing.T, ctx context.Context, db *sql.DB, text string) {
	t.Helper()
	if _, err := db.ExecContext(ctx, text); err != nil {
		t.Fatal(err)
	}
}
