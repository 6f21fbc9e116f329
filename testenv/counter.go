package testenv

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// CounterSchema makes the tables of a Counter.
const CounterSchema = `
CREATE DATABASE IF NOT EXISTS app;
CREATE TABLE app.counter (region INT NOT NULL, id INT NOT NULL, n BIGINT NOT NULL, PRIMARY KEY (region, id));
CREATE TABLE app.counter_token (
  region INT NOT NULL, writer INT NOT NULL, serial BIGINT NOT NULL, id INT NOT NULL,
  PRIMARY KEY (region, writer, serial));
`

// CounterOptions says how a counter workload counts.
type CounterOptions struct {
	Writers int           // per site; 0 means 2
	IDs     int           // counters per site; 0 means 4
	Seed    uint64        // chooses the counters
	Pause   time.Duration // of each writer between transactions
}

// Counter adds one to counters that only their own region touches, so that no conflict can excuse a wrong
// sum: a transaction applied twice or not at all shows in it. Each transaction also inserts a token of its
// own. After a connection that ended during COMMIT, the token tells whether it committed; so the expected
// sums are exact, whatever was killed.
type Counter struct {
	sites   []Site
	options CounterOptions
	tallies []tally

	mu       sync.Mutex
	expected map[counterKey]int64
	serials  map[writerKey]int64 // each writer's last token
}

type writerKey struct{ region, writer int }

type counterKey struct{ region, id int }

// NewCounter makes a counter workload over the sites, which must have CounterSchema.
func NewCounter(sites []Site, o CounterOptions) *Counter {
	if o.Writers == 0 {
		o.Writers = 2
	}
	if o.IDs == 0 {
		o.IDs = 4
	}
	return &Counter{sites: sites, options: o, tallies: make([]tally, len(sites)),
		expected: make(map[counterKey]int64), serials: make(map[writerKey]int64)}
}

// Run counts until ctx ends and every outcome is known. It fails when one cannot be learned: then a server
// did not come back. It may run again when it has returned, and goes on counting.
func (c *Counter) Run(ctx context.Context) error {
	var g errgroup.Group
	for i, site := range c.sites {
		for w := range c.options.Writers {
			g.Go(func() error {
				return c.write(ctx, site, w, &c.tallies[i])
			})
		}
	}
	return g.Wait()
}

// Tally returns the counts of one site so far, by its index. Unknown outcomes were resolved since, and count
// as committed or aborted too.
func (c *Counter) Tally(site int) Tally { return c.tallies[site].read() }

func (c *Counter) write(ctx context.Context, site Site, writer int, t *tally) error {
	r := rand.New(rand.NewPCG(c.options.Seed, uint64(site.ID)<<32|uint64(writer)))
	for ctx.Err() == nil {
		serial := c.nextSerial(writerKey{site.ID, writer})
		id := 1 + r.IntN(c.options.IDs)
		result, err := transact(ctx, site.DB, increment(site.ID, writer, serial, id))
		t.add(result)
		if result == unknown {
			if result, err = resolve(ctx, site, writer, serial); err != nil {
				return err
			}
			t.add(result)
		}
		if result == committed {
			c.expect(counterKey{site.ID, id})
		}
		if rest(ctx, err, c.options.Pause) != nil {
			return nil
		}
	}
	return nil
}

func increment(region, writer int, serial int64, id int) func(context.Context, *sql.Tx) error {
	return func(ctx context.Context, tx *sql.Tx) error {
		const token = "INSERT INTO app.counter_token (region, writer, serial, id) VALUES (?,?,?,?)"
		if _, err := tx.ExecContext(ctx, token, region, writer, serial, id); err != nil {
			return err
		}
		const count = "INSERT INTO app.counter (region, id, n) VALUES (?,?,1) ON DUPLICATE KEY UPDATE n=n+1"
		_, err := tx.ExecContext(ctx, count, region, id)
		return err
	}
}

// resolve learns what became of a transaction whose COMMIT got no answer. FOR UPDATE waits for the token's
// row lock, so the answer is not taken while the transaction still ends.
func resolve(ctx context.Context, site Site, writer int, serial int64) (outcome, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	const query = "SELECT COUNT(*) FROM app.counter_token WHERE region=? AND writer=? AND serial=? FOR UPDATE"
	var tokens int
	var last error
	err := poll(ctx, 50*time.Millisecond, func() (bool, error) {
		last = site.DB.QueryRowContext(ctx, query, site.ID, writer, serial).Scan(&tokens)
		return last == nil, nil
	})
	if err != nil {
		return unknown, fmt.Errorf("region %s: learn a commit's outcome: %w", site.Name, errors.Join(err, last))
	}
	if tokens == 1 {
		return committed, nil
	}
	return aborted, nil
}

func (c *Counter) nextSerial(key writerKey) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.serials[key]++
	return c.serials[key]
}

func (c *Counter) expect(key counterKey) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.expected[key]++
}

// Check reads the counters and the number of tokens of every site and compares them with what was committed.
// Call it when Run has ended and the sites have converged. The error lists what differs.
func (c *Counter) Check(ctx context.Context) error {
	return atEach(ctx, c.sites, func(ctx context.Context, _ int, site Site) error {
		counters, err := readCounts(ctx, site.DB, "SELECT region, id, n FROM app.counter")
		if err != nil {
			return err
		}
		tokens, err := readCounts(ctx, site.DB, "SELECT region, id, COUNT(*) FROM app.counter_token GROUP BY region, id")
		if err != nil {
			return err
		}
		return errors.Join(c.compare("counter", counters), c.compare("tokens of counter", tokens))
	})
}

func readCounts(ctx context.Context, db *sql.DB, query string) (map[counterKey]int64, error) {
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("read counters: %w", err)
	}
	defer rows.Close()
	counts := make(map[counterKey]int64)
	for rows.Next() {
		var key counterKey
		var n int64
		if err := rows.Scan(&key.region, &key.id, &n); err != nil {
			return nil, fmt.Errorf("read counters: %w", err)
		}
		counts[key] = n
	}
	return counts, rows.Err()
}

func (c *Counter) compare(what string, have map[counterKey]int64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var wrong []string
	for key, want := range c.expected {
		if have[key] != want {
			wrong = append(wrong, fmt.Sprintf("%s %d of region %d is %d, want %d", what, key.id, key.region, have[key], want))
		}
	}
	for key := range have {
		if c.expected[key] == 0 {
			wrong = append(wrong, fmt.Sprintf("%s %d of region %d was never written", what, key.id, key.region))
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	return errors.New(strings.Join(wrong, "; "))
}
