//go:build bench

package bench_test

import (
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/octant-db/octant/bench"
)

// report collects the rows of all parts.
type report struct {
	mu   sync.Mutex
	rows []*bench.Comparison
}

// row adds a row to the end of the table.
func (r *report) row(c bench.Comparison) *bench.Comparison {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rows = append(r.rows, &c)
	return &c
}

func TestBench(t *testing.T) {
	s, r := readSettings(t), &report{}
	if s.profiles != "" {
		if err := os.MkdirAll(s.profiles, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		var table strings.Builder
		if err := bench.WriteTable(&table, r.rows); err != nil {
			t.Error(err)
		}
		t.Logf("Octant beside what is stock. Faster is theirs/ours, all other ratios are ours/theirs.\n%s", table.String())
	})
	t.Run("lag2", func(t *testing.T) { benchLag(t, s, r, 2) })
	t.Run("lag8", func(t *testing.T) { benchLag(t, s, r, 8) })
	t.Run("append", func(t *testing.T) { benchLog(t, s, r) })
	t.Run("serve", func(t *testing.T) { benchServe(t, s, r) })
	t.Run("conflicts", func(t *testing.T) { benchConflicts(t, s, r) })
	t.Run("mysql", func(t *testing.T) { benchMySQL(t, s, r) })
	t.Run("postgres", func(t *testing.T) { benchPostgres(t, s, r) })
	t.Run("postgres-large", func(t *testing.T) { benchLargePostgres(t, s, r) })
	t.Run("join", func(t *testing.T) { benchJoin(t, s, r) })
	t.Run("verify", func(t *testing.T) { benchVerify(t, s, r) })
	t.Run("backlog", func(t *testing.T) { benchBacklog(t, s, r) })
}
