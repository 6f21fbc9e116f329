package testenv

import (
	"context"
	"database/sql"
	"math/rand/v2"
	"time"

	"golang.org/x/sync/errgroup"
)

// StormSchema makes the tables of a Storm. Their keys differ on purpose: a number, a string whose collation
// folds case, and a pair. Their columns hold what appliers like to get wrong: NULL beside the empty string,
// trailing zero bytes, fractions of seconds, numbers that a float cannot hold.
const StormSchema = `
CREATE DATABASE IF NOT EXISTS app;
CREATE TABLE app.hot (
  id INT PRIMARY KEY, region INT NOT NULL, serial BIGINT NOT NULL, note VARCHAR(64) NULL,
  raw BINARY(8) NOT NULL, amount DECIMAL(30,10) NOT NULL, at DATETIME(6) NOT NULL, ratio DOUBLE NOT NULL,
  twice BIGINT AS (serial * 2) VIRTUAL);
CREATE TABLE app.hot_name (
  name VARCHAR(32) COLLATE utf8mb4_general_ci PRIMARY KEY, region INT NOT NULL, serial BIGINT NOT NULL,
  body TEXT NULL, kind ENUM('one','two','three') NULL);
CREATE TABLE app.hot_line (
  doc INT NOT NULL, line INT NOT NULL, region INT NOT NULL, serial BIGINT NOT NULL, flags BIT(12) NOT NULL,
  PRIMARY KEY (doc, line));
`

// StormOptions says how hard a storm blows.
type StormOptions struct {
	Writers int           // per site; 0 means 2
	Keys    int           // hot keys per table; 0 means 50
	Seed    uint64        // the same seed tries the same statements; what commits depends on timing
	Pause   time.Duration // of each writer between transactions
}

// Storm writes to the same few rows from every region at the same time: inserts, updates, deletes and
// changed primary keys, one to five in a transaction, over the three tables of StormSchema. Errors of the
// database are part of it: a transaction that fails is rolled back and counted, and a server that is down is
// waited for.
type Storm struct {
	sites   []Site
	options StormOptions
	tallies []tally // one per site
}

// NewStorm makes a storm over the sites, which must have StormSchema.
func NewStorm(sites []Site, o StormOptions) *Storm {
	if o.Writers == 0 {
		o.Writers = 2
	}
	if o.Keys == 0 {
		o.Keys = 50
	}
	return &Storm{sites: sites, options: o, tallies: make([]tally, len(sites))}
}

// Run writes until ctx ends, and returns when the last transaction has ended. What happened is in Tally.
func (s *Storm) Run(ctx context.Context) {
	var g errgroup.Group
	for i, site := range s.sites {
		for w := range s.options.Writers {
			writer := &stormWriter{
				storm: s, site: site, tally: &s.tallies[i],
				rand: rand.New(rand.NewPCG(s.options.Seed, uint64(site.ID)<<32|uint64(w))),
			}
			g.Go(func() error {
				writer.run(ctx)
				return nil
			})
		}
	}
	_ = g.Wait() // writers return no errors
}

// Tally returns the counts of one site so far, by its index; it may be called while the storm runs.
func (s *Storm) Tally(site int) Tally { return s.tallies[site].read() }

// Total returns the counts of all sites together.
func (s *Storm) Total() Tally {
	var sum Tally
	for i := range s.tallies {
		t := s.Tally(i)
		sum.Committed += t.Committed
		sum.Aborted += t.Aborted
		sum.Unknown += t.Unknown
	}
	return sum
}

// stormWriter is one connection's worth of storm.
type stormWriter struct {
	storm  *Storm
	site   Site
	tally  *tally
	rand   *rand.Rand
	serial int64
}

func (w *stormWriter) run(ctx context.Context) {
	for ctx.Err() == nil {
		result, err := transact(ctx, w.site.DB, w.transaction)
		w.tally.add(result)
		if rest(ctx, err, w.storm.options.Pause) != nil {
			return
		}
	}
}

func (w *stormWriter) transaction(ctx context.Context, tx *sql.Tx) error {
	for range 1 + w.rand.IntN(5) {
		statement, args := w.statement()
		if _, err := tx.ExecContext(ctx, statement, args...); err != nil && !isDuplicate(err) {
			return err
		}
	}
	return nil
}
