package demo

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/go-sql-driver/mysql"
	"golang.org/x/sync/errgroup"

	"github.com/octant-db/octant/testenv"
)

// The hot rows are few, so that regions write the same ones within milliseconds of each other.
const (
	hotItems  = 20
	customers = 300
	anything  = 200
)

// writer is one region's application.
type writer struct {
	site testenv.Site
	rand *rand.Rand
	rows atomic.Int64 // committed changes of rows
	// write does one transaction and counts the rows that it changed.
	write func(context.Context) (int64, error)
}

func newWriter(site testenv.Site) *writer {
	w := &writer{site: site, rand: rand.New(rand.NewPCG(uint64(site.ID), 1))}
	w.write = w.transaction
	return w
}

// commitsPerCore is what a core carries of everything at once: databases, relays and this program.
const commitsPerCore = 800

// pace returns the pause after each transaction that a machine can follow: each one is committed in every region.
func pace(regions, cores int) time.Duration {
	perRegion := float64(commitsPerCore*cores) / float64(regions*regions)
	return max(time.Duration(float64(time.Second)/perRegion), 5*time.Millisecond)
}

// run writes until ctx ends, with a pause after each transaction.
func (w *writer) run(ctx context.Context, pause time.Duration) error {
	for ctx.Err() == nil {
		n, err := w.write(ctx)
		switch {
		case err == nil:
			w.rows.Add(n)
		case ctx.Err() != nil:
			return nil
		case !expected(err):
			return fmt.Errorf("write in region %s: %w", w.site.Name, err)
		}
		if wait(ctx, pause) != nil {
			return nil
		}
	}
	return nil
}

// expected errors are those that applications live with: a deadlock, a lock that was not had in time, a key that is taken.
func expected(err error) bool {
	var answer *mysql.MySQLError
	if !errors.As(err, &answer) {
		return livedWith(err)
	}
	switch answer.Number {
	case 1213, 1205, 1062:
		return true
	}
	return false
}

func (w *writer) transaction(ctx context.Context) (rows int64, err error) {
	tx, err := w.site.DB.BeginTx(ctx, nil)
	if err != nil {
		return 0, err
	}
	defer tx.Rollback()
	for range 1 + w.rand.IntN(3) {
		query, args := w.statement()
		result, err := tx.ExecContext(ctx, query, args...)
		if err != nil {
			return 0, err
		}
		n, _ := result.RowsAffected() // this driver always knows
		rows += n
	}
	return rows, tx.Commit()
}

func (w *writer) statement() (string, []any) {
	switch w.rand.IntN(10) {
	case 0, 1, 2:
		return `INSERT INTO shop.orders (customer, amount, note, born_in, at) VALUES (?, ?, ?, ?, NOW(6))`,
			[]any{w.customer(), w.amount(), "ordered in " + w.site.Name, w.site.Name}
	case 3:
		return `UPDATE shop.orders SET state = ELT(1 + state % 3, 'new', 'paid', 'sent') WHERE id <= ? ORDER BY id DESC LIMIT 3`,
			[]any{w.rand.IntN(5000)}
	case 4, 5:
		return `INSERT INTO shop.customers VALUES (?, ?, ?, ?, ?)
			ON DUPLICATE KEY UPDATE city = VALUES(city), credit = VALUES(credit), changed_in = VALUES(changed_in)`,
			[]any{w.customer(), "Zoë Müller 🐙", "city of " + w.site.Name, w.amount(), w.site.Name}
	case 6, 7:
		return `INSERT INTO shop.stock VALUES (?, ?, ?, ?)
			ON DUPLICATE KEY UPDATE pieces = pieces - 1, price = VALUES(price), last_region = VALUES(last_region)`,
			[]any{w.item(), w.rand.IntN(1000), w.amount(), w.site.Name}
	case 8:
		return `DELETE FROM shop.stock WHERE item = ?`, []any{w.item()}
	default:
		return w.everything()
	}
}

func (w *writer) everything() (string, []any) {
	id := w.rand.IntN(anything)
	if w.rand.IntN(6) == 0 {
		return `DELETE FROM shop.everything WHERE id = ?`, []any{id}
	}
	at := time.Date(2001, 2, 3, 4, 5, 6, 789_012_000, time.UTC).Add(time.Duration(w.rand.Int64N(1e9)) * time.Microsecond * 100)
	return `REPLACE INTO shop.everything VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,POINT(?,?))`, []any{
		id, w.rand.IntN(256), w.rand.Uint64(), w.amount(), w.rand.Float32(), w.rand.NormFloat64(), w.bytes(5),
		at, at, at, "-12:34:56.78", 1901 + w.rand.IntN(255), w.bytes(w.rand.IntN(9)), "Größe",
		"words № " + w.site.Name, w.bytes(w.rand.IntN(300)), 1 + w.rand.IntN(3), w.rand.IntN(8),
		fmt.Sprintf(`{"from": "%s", "n": %d}`, w.site.Name, w.rand.IntN(100)), "2001:db8::1",
		"123e4567-e89b-12d3-a456-426614174000", w.rand.Float64(), w.rand.Float64(),
	}
}

func (w *writer) customer() int { return 1 + w.rand.IntN(customers) }
func (w *writer) item() string  { return fmt.Sprintf("item-%02d", w.rand.IntN(hotItems)) }
func (w *writer) amount() string {
	return fmt.Sprintf("%d.%02d", w.rand.IntN(10_000), w.rand.IntN(100))
}

func (w *writer) bytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(w.rand.Uint32())
	}
	return b
}

// startWriting starts every region's application. The returned function stops them and waits.
func startWriting(ctx context.Context, writers []*writer, pause time.Duration) (stop func() error) {
	ctx, cancel := context.WithCancel(ctx)
	g, ctx := errgroup.WithContext(ctx)
	for _, w := range writers {
		g.Go(func() error { return w.run(ctx, pause) })
	}
	return func() error {
		cancel()
		return g.Wait()
	}
}

// wait waits for d or until ctx ends, and returns the reason of that.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// scalar reads one number.
func scalar(ctx context.Context, db *sql.DB, query string) (int64, error) {
	var n sql.NullInt64
	err := db.QueryRowContext(ctx, query).Scan(&n)
	return n.Int64, err
}
