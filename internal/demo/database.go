package demo

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/octant-db/octant/testenv"
	"github.com/octant-db/octant/testenv/pgserver"
)

// database is a region's, as its application sees it.
type database interface {
	// run does statements in one transaction and counts the rows that they changed.
	run(ctx context.Context, statements []string) (int64, error)
	// lines reads rows, as their columns in text.
	lines(ctx context.Context, columns, table string) ([]string, error)
	close()
}

func openDatabase(ctx context.Context, r *testenv.Region) (database, error) {
	if r.Postgres == nil {
		return family{r.Server.DB()}, nil
	}
	conn, err := pgx.Connect(ctx, r.Postgres.URL(pgserver.Super, pgserver.Database))
	if err != nil {
		return nil, fmt.Errorf("connect to the database of region %s: %w", r.Name, err)
	}
	return &postgres{conn: conn}, nil
}

// family is MariaDB or MySQL.
type family struct{ db *sql.DB }

func (f family) run(ctx context.Context, statements []string) (rows int64, err error) {
	tx, err := f.db.BeginTx(ctx, nil)
	if err != nil {
		return 0, err
	}
	defer tx.Rollback()
	for _, text := range statements {
		result, err := tx.ExecContext(ctx, text)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", text, err)
		}
		n, _ := result.RowsAffected() // this driver always knows
		rows += n
	}
	return rows, tx.Commit()
}

func (f family) lines(ctx context.Context, columns, table string) ([]string, error) {
	rows, err := f.db.QueryContext(ctx, fmt.Sprintf("SELECT CONCAT_WS(' | ', %s) FROM shop.%s", columns, table))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []string
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			return nil, err
		}
		list = append(list, line)
	}
	return list, rows.Err()
}

func (family) close() {}

// postgres is PostgreSQL, with one session for all.
type postgres struct {
	mu   sync.Mutex
	conn *pgx.Conn
}

// answerTime bounds one transaction, or one look at a table. It is not cut short otherwise: a session that is cancelled is closed.
const answerTime = 30 * time.Second

func (p *postgres) run(ctx context.Context, statements []string) (rows int64, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerTime)
	defer cancel()
	tx, err := p.conn.Begin(ctx)
	if err != nil {
		return 0, err
	}
	defer tx.Rollback(ctx) //nolint:errcheck // it was committed, or the session is gone
	for _, text := range statements {
		tag, err := tx.Exec(ctx, text)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", text, err)
		}
		rows += tag.RowsAffected()
	}
	return rows, tx.Commit(ctx)
}

func (p *postgres) lines(ctx context.Context, columns, table string) ([]string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerTime)
	defer cancel()
	rows, err := p.conn.Query(ctx, fmt.Sprintf("SELECT concat_ws(' | ', %s) FROM shop.%s", columns, table))
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

func (p *postgres) close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = p.conn.Close(ctx) // the server is about to end
}

// livedWith are PostgreSQL's errors that applications live with: a deadlock, a lock that was not had in time, a key that is taken, a row that was changed.
func livedWith(err error) bool {
	var answer *pgconn.PgError
	if !errors.As(err, &answer) {
		return false
	}
	switch answer.Code {
	case "40P01", "55P03", "23505", "40001":
		return true
	}
	return false
}
