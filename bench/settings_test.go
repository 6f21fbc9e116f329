//go:build bench

package bench_test

import (
	"os"
	"strconv"
	"testing"
	"time"
)

// settings are what the environment says; see the package comment.
type settings struct {
	rounds       int
	transactions int
	rate         float64
	probes       int
	settle       time.Duration
	serveBytes   int64  // of the backlog that is served
	logBytes     int64  // of the large log
	profiles     string // folder, "" for none
}

func readSettings(t *testing.T) settings {
	return settings{
		rounds:       number(t, "OCTANT_BENCH_ROUNDS", 3),
		transactions: number(t, "OCTANT_BENCH_TRANSACTIONS", 50_000),
		rate:         float64(number(t, "OCTANT_BENCH_RATE", 200)),
		probes:       number(t, "OCTANT_BENCH_PROBES", 200),
		settle:       duration(t, "OCTANT_BENCH_SETTLE", time.Minute),
		serveBytes:   int64(number(t, "OCTANT_BENCH_SERVE_MIB", 1024)) << 20,
		logBytes:     int64(number(t, "OCTANT_BENCH_LOG_GIB", 10)) << 30,
		profiles:     os.Getenv("OCTANT_BENCH_PROFILE"),
	}
}

func number(t *testing.T, name string, or int) int {
	text := os.Getenv(name)
	if text == "" {
		return or
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("%s must be a number above 0, not %q", name, text)
	}
	return n
}

func duration(t *testing.T, name string, or time.Duration) time.Duration {
	text := os.Getenv(name)
	if text == "" {
		return or
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		t.Fatalf("%s must be a duration such as 90s, not %q", name, text)
	}
	return d
}
