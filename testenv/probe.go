package testenv

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"slices"
	"time"
)

// ProbeSchema makes the table of Probe.
const ProbeSchema = `
CREATE DATABASE IF NOT EXISTS app;
CREATE TABLE app.probe (region INT NOT NULL, serial BIGINT NOT NULL, PRIMARY KEY (region, serial));
`

// Probe measures the lag between two sites from outside: it commits a row at From and asks To for it, again
// and again without a pause, until it is there.
type Probe struct {
	From, To Site
	// Interval is the pause after each row, so that probes meet the system at different moments.
	Interval time.Duration

	serial int64
}

// Measure probes n times. Each lag runs from the moment COMMIT has answered at From to the moment To has
// shown the row, so it holds one query's round trip; a row that was there at the first look counts with that.
// ctx bounds the whole measurement.
func (p *Probe) Measure(ctx context.Context, n int) (Lags, error) {
	look, err := p.To.DB.PrepareContext(ctx, "SELECT COUNT(*) FROM app.probe WHERE region=? AND serial=?")
	if err != nil {
		return nil, fmt.Errorf("probe lag: %w", err)
	}
	defer look.Close()
	lags := make(Lags, 0, n)
	for range n {
		lag, err := p.once(ctx, look)
		if err != nil {
			return lags, fmt.Errorf("probe lag from %s to %s: %w", p.From.Name, p.To.Name, err)
		}
		lags = append(lags, lag)
		if err := pause(ctx, p.Interval); err != nil {
			return lags, err
		}
	}
	slices.Sort(lags)
	return lags, nil
}

func (p *Probe) once(ctx context.Context, look *sql.Stmt) (time.Duration, error) {
	if p.serial == 0 {
		p.serial = time.Now().UnixMicro() // above what earlier probes of the same tables left
	}
	p.serial++
	const insert = "INSERT INTO app.probe (region, serial) VALUES (?,?)"
	if _, err := p.From.DB.ExecContext(ctx, insert, p.From.ID, p.serial); err != nil {
		return 0, err
	}
	committed := time.Now()
	for {
		var seen int
		if err := look.QueryRowContext(ctx, p.From.ID, p.serial).Scan(&seen); err != nil {
			return 0, err
		}
		if seen > 0 {
			return time.Since(committed), nil
		}
	}
}

// Lags are measured delays in ascending order.
type Lags []time.Duration

// Percentile returns the lag that p of 100 measurements do not exceed; 0 without measurements. Percentile(50)
// is the median.
func (l Lags) Percentile(p float64) time.Duration {
	if len(l) == 0 {
		return 0
	}
	rank := int(math.Ceil(p / 100 * float64(len(l))))
	return l[min(max(rank, 1), len(l))-1]
}

// Merge returns the measurements of both in ascending order.
func (l Lags) Merge(other Lags) Lags {
	all := slices.Concat(l, other)
	slices.Sort(all)
	return all
}
