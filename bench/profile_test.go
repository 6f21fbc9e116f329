//go:build bench

package bench_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/octant-db/octant/internal/watch"
	"github.com/octant-db/octant/testenv"
)

// profiling is a CPU profile that is being taken.
type profiling struct{ sync.WaitGroup }

// profileSeconds is how long a CPU profile lasts. What is measured may take longer.
const profileSeconds = 5

// profile takes a CPU profile and a trace of a relay from when it listens, if profiles are wanted. A later one of the
// same name replaces the earlier.
func (s settings) profile(t *testing.T, r *testenv.Relay, name string) *profiling {
	t.Helper()
	p := &profiling{}
	if s.profiles == "" {
		return p
	}
	p.Go(func() {
		await(t, t.Context(), "the relay listens", func() (bool, error) {
			_, err := r.Get(t.Context(), "/healthz")
			return err == nil, err
		})
		s.fetch(t, r, fmt.Sprintf("/debug/pprof/profile?seconds=%d", profileSeconds), name+".cpu")
		s.fetch(t, r, "/debug/pprof/trace?seconds=1", name+".trace")
		s.fetch(t, r, "/debug/pprof/allocs", name+".allocs")
	})
	return p
}

// finish waits for the profile, and takes down what the relay says of itself after the measurement.
func (s settings) finish(t *testing.T, r *testenv.Relay, p *profiling, name string) {
	t.Helper()
	p.Wait()
	if s.profiles != "" {
		s.fetch(t, r, watch.Path, name+".json")
	}
}

// fetch keeps a page that the relay serves.
func (s settings) fetch(t *testing.T, r *testenv.Relay, page, name string) {
	res, err := http.Get("http://" + r.HTTPAddr() + page)
	if err != nil {
		t.Logf("profile %s: %v", name, err)
		return
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err == nil {
		err = os.WriteFile(filepath.Join(s.profiles, name), data, 0o600)
	}
	if err != nil {
		t.Logf("profile %s: %v", name, err)
	}
}

func portOf(t *testing.T, addr string) string {
	t.Helper()
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	return port
}
