package demo

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"strconv"
	"strings"
	"time"

	"github.com/octant-db/octant/testenv"
)

// gauge reads one relay, as its operator would: lag by SQL on its port, counters from /metrics.
type gauge struct {
	relay *testenv.Relay
	db    *sql.DB
}

// reading is what a relay said.
type reading struct {
	lag       time.Duration // the greatest of all peers
	conflicts int64         // since this relay process started
}

func newGauge(r *testenv.Relay, password string) (*gauge, error) {
	db, err := r.Open(testenv.AdminUser, password)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	return &gauge{relay: r, db: db}, nil
}

// read bounds itself, so that a dead relay does not hold up the picture of the others.
func (g *gauge) read(ctx context.Context) (reading, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	ms, err := scalar(ctx, g.db, "SELECT MAX(lag_ms) FROM octant.peers")
	if err != nil {
		return reading{}, err
	}
	page, err := g.relay.Get(ctx, "/metrics")
	if err != nil {
		return reading{}, err
	}
	return reading{lag: time.Duration(ms) * time.Millisecond, conflicts: int64(sumMetric(page, "octant_conflicts_total"))}, nil
}

// onRecord are what the report counts in a relay's conflict log.
var onRecord = []struct{ what, query string }{
	{"lost writes", "SELECT COUNT(*) FROM octant.conflicts"},
	{"of rows", "SELECT COUNT(DISTINCT table_name, `key`) FROM octant.conflicts"},
}

// sumMetric adds up all series of a metric on a page in Prometheus' text format: name{labels} value [time].
func sumMetric(page []byte, name string) float64 {
	var sum float64
	lines := bufio.NewScanner(bytes.NewReader(page))
	for lines.Scan() {
		rest, found := strings.CutPrefix(lines.Text(), name)
		if !found {
			continue
		}
		if strings.HasPrefix(rest, "{") {
			rest = rest[strings.LastIndexByte(rest, '}')+1:]
		}
		fields := strings.Fields(rest)
		if len(fields) == 0 || !strings.HasPrefix(rest, " ") {
			continue
		}
		if v, err := strconv.ParseFloat(fields[0], 64); err == nil {
			sum += v
		}
	}
	return sum
}
