package envtest

import (
	"context"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/octant-db/octant/testenv"
)

// Recover runs octant recover for a relay that is stopped, and returns what it says.
func Recover(ctx context.Context, t testing.TB, r *testenv.Relay) (string, error) {
	t.Helper()
	out, err := exec.CommandContext(ctx, Octant(t), "recover", "--config", r.ConfigFile()).CombinedOutput()
	return string(out), err
}

// RecoverInPieces kills octant recover again and again, wherever it is, until one run comes to its end: the first is given the time first, and each later one the time more. There
// is nothing left to recover then.
func RecoverInPieces(ctx context.Context, t testing.TB, r *testenv.Relay, first, more time.Duration) {
	t.Helper()
	for limit := first; ; limit += more {
		killed, cancel := context.WithTimeout(ctx, limit)
		out, err := Recover(killed, t, r)
		ended := killed.Err() == nil || err == nil
		cancel()
		t.Logf("after %v: %v\n%s", limit, err, out)
		if ended && err != nil && !strings.Contains(out, "lost nothing") {
			t.Fatal("not recovered")
		}
		if ended {
			break
		}
	}
	if out, err := Recover(ctx, t, r); err == nil || !strings.Contains(out, "lost nothing") {
		t.Errorf("recovered twice: %v\n%s", err, out)
	}
}
