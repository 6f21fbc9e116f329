package testenv

import (
	"context"
	"database/sql"
	"math/rand/v2"
	"time"

	"golang.org/x/sync/errgroup"
)

// SteadySchema makes the table of Steady.
const SteadySchema = `
CREATE DATABASE IF NOT EXISTS app;
CREATE TABLE app.steady (
  region INT NOT NULL, id INT NOT NULL, serial BIGINT NOT NULL, body VARCHAR(200) NOT NULL, at DATETIME(6) NOT NULL,
  PRIMARY KEY (region, id));
`

// SteadyOptions says how much is written.
type SteadyOptions struct {
	Rate    float64 // transactions per second and site; 0 means 200
	Writers int     // per site, which share the rate; 0 means 4
	Keys    int     // rows per site; 0 means 10,000
	Seed    uint64
}

// Steady writes to every site at a fixed rate and without conflicts: each transaction inserts or updates two
// rows of its own region. It is the load under which lag is measured.
type Steady struct {
	sites   []Site
	options SteadyOptions
	tallies []tally
}

// NewSteady makes a steady load over the sites, which must have SteadySchema.
func NewSteady(sites []Site, o SteadyOptions) *Steady {
	if o.Rate == 0 {
		o.Rate = 200
	}
	if o.Writers == 0 {
		o.Writers = 4
	}
	if o.Keys == 0 {
		o.Keys = 10_000
	}
	return &Steady{sites: sites, options: o, tallies: make([]tally, len(sites))}
}

// Run writes until ctx ends. Writers that the database holds up don't catch up afterwards: the achieved rate
// is Tally over time.
func (s *Steady) Run(ctx context.Context) {
	var g errgroup.Group
	for i, site := range s.sites {
		for w := range s.options.Writers {
			g.Go(func() error {
				s.write(ctx, site, w, &s.tallies[i])
				return nil
			})
		}
	}
	_ = g.Wait() // writers return no errors
}

// Tally returns the counts of one site so far, by its index.
func (s *Steady) Tally(site int) Tally { return s.tallies[site].read() }

func (s *Steady) write(ctx context.Context, site Site, writer int, t *tally) {
	r := rand.New(rand.NewPCG(s.options.Seed, uint64(site.ID)<<32|uint64(writer)))
	interval := time.Duration(float64(time.Second) * float64(s.options.Writers) / s.options.Rate)
	// Writers start spread over the first interval, or all would commit at the same instants.
	if pause(ctx, time.Duration(r.Int64N(int64(interval)))) != nil {
		return
	}
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for serial := int64(1); ; serial++ {
		result, _ := transact(ctx, site.DB, s.twoRows(r, site, serial))
		t.add(result)
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

func (s *Steady) twoRows(r *rand.Rand, site Site, serial int64) func(context.Context, *sql.Tx) error {
	const upsert = `INSERT INTO app.steady (region, id, serial, body, at) VALUES (?,?,?,REPEAT('x',?),NOW(6)),(?,?,?,'',NOW(6))
		ON DUPLICATE KEY UPDATE serial=VALUES(serial), body=VALUES(body), at=VALUES(at)`
	return func(ctx context.Context, tx *sql.Tx) error {
		first, second := r.IntN(s.options.Keys), r.IntN(s.options.Keys)
		_, err := tx.ExecContext(ctx, upsert, site.ID, first, serial, r.IntN(200), site.ID, second, serial)
		return err
	}
}
