package demo

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/octant-db/octant/testenv/envtest"
	"github.com/octant-db/octant/testenv/pgserver"
)

// TestRun shows the whole demo, in three regions and for a short while, with PostgreSQL and with one region of each engine: it ends with identical regions.
func TestRun(t *testing.T) {
	if len(pgserver.Engines()) == 0 {
		t.Skip("no PostgreSQL is installed: run make engines")
	}
	for _, engines := range []string{"postgres", "mixed"} {
		t.Run(engines, func(t *testing.T) {
			var out bytes.Buffer
			err := Run(envtest.Context(t, 4*time.Minute), Options{
				Octant: envtest.Octant(t), Regions: 3, Engines: engines, Writing: 5 * time.Second, WorkDir: t.TempDir(), Out: &out,
			})
			if err != nil || !strings.Contains(out.String(), "IDENTICAL: all 3 regions") || !strings.Contains(out.String(), serverNames[engines]) {
				t.Errorf("%v\n%s", err, out.String())
			}
		})
	}
}
