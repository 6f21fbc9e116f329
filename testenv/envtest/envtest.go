// Package envtest gives tests what package testenv runs: each helper ends with the test what it started,
// fails the test on errors, and shows logs only when the test failed.
package envtest

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/octant-db/octant/testenv"
)

// closing bounds what happens after a test has ended.
const closing = 60 * time.Second

// Engine is the one that OCTANT_ENGINE names, such as mysql-9.7, or else the machine's own MariaDB: on it run the tests that are about no engine.
func Engine(t testing.TB) testenv.Engine {
	t.Helper()
	e, err := testenv.EngineNamed(os.Getenv("OCTANT_ENGINE"))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// Context returns a context that ends with the test, or after the limit, whatever is first.
func Context(t testing.TB, limit time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	t.Cleanup(cancel)
	return ctx
}

// Dir returns a new folder that goes with the test. Unlike t.TempDir its path is short, as Unix sockets need.
func Dir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "octant-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// Server starts one server. An empty o.Dir is chosen.
func Server(t testing.TB, o testenv.ServerOptions) *testenv.Server {
	t.Helper()
	if o.Dir == "" {
		o.Dir = filepath.Join(Dir(t), "db")
	}
	s, err := testenv.StartServer(Context(t, 2*time.Minute), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("log of server %d ends:\n%s", s.ID(), s.LogTail())
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// Start starts a bed. A relay that does not end in order at the test's end fails the test.
func Start(t testing.TB, o testenv.Options) *testenv.Bed {
	t.Helper()
	bed, err := testenv.Start(Context(t, 3*time.Minute), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(bed.Logs())
		}
		ctx, cancel := context.WithTimeout(context.Background(), closing)
		defer cancel()
		if err := bed.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return bed
}

// build compiles octant once per test binary.
var build = sync.OnceValues(func() (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	return testenv.BuildOctant(ctx)
})

// Octant builds the octant command and returns its path.
func Octant(t testing.TB) string {
	t.Helper()
	path, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// WaitIdentical fails the test when the oracle does not find all sites identical within the limit. It
// returns how long that took.
func WaitIdentical(t testing.TB, o testenv.Oracle, limit time.Duration) time.Duration {
	t.Helper()
	took, _, err := o.WaitIdentical(Context(t, limit))
	if err != nil {
		t.Fatal(err)
	}
	return took
}

// WaitQuiet fails the test when a binary log still grows after the limit.
func WaitQuiet(t testing.TB, sites []testenv.Site, window, limit time.Duration) {
	t.Helper()
	if err := testenv.BinlogQuiet(Context(t, limit), sites, window); err != nil {
		t.Fatal(err)
	}
}
