package web_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/octant-db/octant/internal/watch"
	"github.com/octant-db/octant/internal/web"
	"github.com/octant-db/octant/relay"
)

var now = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// fixed is an Inspector of a relay that never changes.
type fixed struct {
	status relay.Status
	peers  []relay.PeerStatus

	letters map[relay.Reason]int
}

func newFixed() *fixed {
	return &fixed{
		status: relay.Status{
			Ready: true, Started: now.Add(-time.Hour), Engine: "mariadb 10.11.19",
			Capture:  relay.CaptureStatus{Connected: true, CaughtUp: true, LSN: 100, Merged: 90, HLC: 1_700_000_000_500_000},
			Apply:    relay.ApplyStatus{Writable: true, Index: 7, Repairs: 2, Frontier: 1_700_000_000_250_000},
			Counters: relay.Counters{CapturedTransactions: 60, AppliedRows: 40, Conflicts: 5, Inversions: 1},
			Short:    []relay.Shortage{{Of: "disk"}},
		},
		peers: []relay.PeerStatus{
			{Region: "b", ID: 2, State: "connected", Lag: 1500 * time.Millisecond, Offset: -2 * time.Millisecond, Reconnects: 3},
			{Region: "c", ID: 3, State: "paused", Lag: time.Hour},
		},
	}
}

func (f *fixed) Self() relay.Hello { return relay.Hello{Cluster: "shop", Name: "a", Region: 1} }

func (f *fixed) Status() relay.Status { return f.status }

func (f *fixed) Peers() []relay.PeerStatus { return f.peers }

func (f *fixed) LogStatus() relay.LogStatus {
	return relay.LogStatus{First: 1, Last: 100, Bytes: 4096, Oldest: now.Add(-time.Hour)}
}

func (f *fixed) Tables() []relay.TableStatus {
	return []relay.TableStatus{
		{Schema: "app", Name: "t", Policy: "lww", State: "replicated", Captured: 30, Conflicts: 4},
		{Schema: "app", Name: "u", Policy: "priority", State: "held", Captured: 3, Conflicts: 1},
	}
}

func (f *fixed) Replicas() []relay.ReplicaStatus {
	return []relay.ReplicaStatus{{Kind: "relay"}, {Kind: "replica", ServerID: 77, Host: "10.0.0.7", LSN: f.Status().Capture.LSN - 5}, {Kind: "replica", ServerID: 78}}
}

func (f *fixed) Problems() []relay.Problem {
	return []relay.Problem{{Kind: "no_primary_key", Subject: "app.u"}}
}

func (f *fixed) Conflicts(context.Context) iter.Seq2[relay.Conflict, error] {
	return func(func(relay.Conflict, error) bool) {}
}

func (f *fixed) Explain(context.Context, string, []string) ([]relay.Reasoning, error) {
	return nil, nil
}

func (f *fixed) Versions(context.Context) iter.Seq2[relay.RowVersion, error] {
	return func(func(relay.RowVersion, error) bool) {}
}

func (f *fixed) DeadLetters(context.Context) iter.Seq2[relay.DeadLetter, error] {
	return func(func(relay.DeadLetter, error) bool) {}
}

func (f *fixed) LetterCounts() map[relay.Reason]int { return f.letters }

func (f *fixed) Breakers() []relay.BreakerStatus {
	return []relay.BreakerStatus{{Scope: "peer", State: "closed"}, {Scope: "peer", State: "open"}, {Scope: "table", State: "half-open"}}
}

// exact is an Inspector that counts conflicts by kind.
type exact struct{ *fixed }

func (exact) ConflictCounts() []relay.ConflictCount {
	return []relay.ConflictCount{{Kind: "insert_exists", Policy: "lww", Count: 9}}
}

func get(t *testing.T, h http.Handler, path string) (int, string) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w.Code, w.Body.String()
}

func newServer(i relay.Inspector) *web.Server {
	return web.New(i, web.WithVersion("v1.2.3"), web.WithClock(func() time.Time { return now }))
}

func TestReadiness(t *testing.T) {
	tests := []struct {
		name, query string
		change      func(*fixed)
		code        int
		contains    string
	}{
		{"the relay's own bar", "", nil, 200, `"state": "ready"`},
		{"says why not", "", func(f *fixed) { f.status.Ready, f.status.Reason = false, "capture is catching up" }, 503, "catching up"},
		{"all peers, paused ones let off", "?peers=all", nil, 200, `"ready"`},
		{"lag within", "?peers=all&max_lag=5s", nil, 200, `"lag_seconds": 1.5`},
		{"lag beyond", "?peers=all&max_lag=1s", nil, 503, "peer b lags by 1.5s"},
		{"lag alone means all peers", "?max_lag=1s", nil, 503, "peer b lags"},
		{"a named peer that is paused", "?peers=c", nil, 503, "peer c is paused"},
		{"only the named peers", "?peers=b&max_lag=2s", nil, 200, `"ready"`},
		{"a peer that is not connected", "?peers=all", func(f *fixed) { f.peers[0].State = "connecting" }, 503, "peer b is connecting"},
		{"no own bar for peers", "", func(f *fixed) { f.peers[0].State = "connecting" }, 200, `"connected": false`},
		{"unknown peer", "?peers=x", nil, 400, `no peer "x"`},
		{"bad duration", "?peers=all&max_lag=5", nil, 400, "write for example 5s"},
		{"negative duration", "?max_lag=-5s", nil, 400, "no duration"},
		{"unknown parameter", "?maxlag=5s", nil, 400, `no parameter "maxlag"`},
		{"given twice", "?peers=all&peers=b", nil, 400, "2 times"},
		{"unreadable", "?peers=%zz", nil, 400, "cannot be read"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := newFixed()
			if test.change != nil {
				test.change(f)
			}
			code, body := get(t, newServer(f).Handler(), "/readyz"+test.query)
			if code != test.code || !strings.Contains(body, test.contains) {
				t.Errorf("got %d %s, want %d and %s", code, body, test.code, test.contains)
			}
		})
	}
}

func TestReadinessIsJSON(t *testing.T) {
	_, body := get(t, newServer(newFixed()).Handler(), "/readyz")
	var r web.Readiness
	if err := json.Unmarshal([]byte(body), &r); err != nil {
		t.Fatal(err)
	}
	if r.Region != "a" || len(r.Peers) != 2 || !r.Peers[0].Connected || r.Peers[1].Connected {
		t.Errorf("got %+v", r)
	}
}

func TestPages(t *testing.T) {
	f := newFixed()
	f.status.Ready = false
	h := newServer(f).Handler()
	for path, want := range map[string]string{
		"/healthz":                     "ok",
		"/debug/pprof/":                "goroutine",
		"/debug/pprof/goroutine":       "",
		"/metrics":                     `octant_build_info{goversion="go`,
		"/status.json":                 `"Version": "v1.2.3"`,
		"/debug/pprof/cmdline":         "web.test",
		"/debug/pprof/heap?debug=1":    "heap profile",
		"/debug/pprof/symbol?0x400000": "num_symbols",
	} {
		code, body := get(t, h, path)
		if code != 200 || !strings.Contains(body, want) {
			t.Errorf("%s: %d %.200s", path, code, body)
		}
	}
	if code, _ := get(t, h, "/other"); code != 404 {
		t.Errorf("/other: %d", code)
	}
}

func TestStatusComesBackAsSnapshot(t *testing.T) {
	_, body := get(t, newServer(newFixed()).Handler(), watch.Path)
	var s watch.Snapshot
	if err := json.Unmarshal([]byte(body), &s); err != nil {
		t.Fatal(err)
	}
	if !s.At.Equal(now) || s.Self.Name != "a" || s.Peers[0].Lag != 1500*time.Millisecond || s.Log.Last != 100 || len(s.Problems) != 1 {
		t.Errorf("got %+v", s)
	}
}

func TestMetricsAreClean(t *testing.T) {
	for name, i := range map[string]relay.Inspector{"plain": newFixed(), "exact": exact{newFixed()}, "empty": &fixed{}} {
		registry := prometheus.NewPedanticRegistry()
		registry.MustRegister(web.NewCollector(i, "v1.2.3"))
		problems, err := testutil.GatherAndLint(registry)
		if err != nil || len(problems) > 0 {
			t.Errorf("%s: %v %v", name, problems, err)
		}
	}
}

func TestMetricValues(t *testing.T) {
	_, page := get(t, newServer(newFixed()).Handler(), "/metrics")
	for _, want := range []string{
		`octant_lag_seconds{peer="b",region="a"} 1.5`,
		`octant_clock_offset_seconds{peer="b",region="a"} -0.002`,
		`octant_reconnects_total{peer="b",region="a"} 3`,
		`octant_peer_state{peer="c",region="a",state="paused"} 1`,
		`octant_captured_transactions_total{region="a"} 60`,
		`octant_captured_rows_total{region="a"} 33`,
		`octant_applied_rows_total{region="a"} 40`,
		`octant_conflicts_total{kind="",policy="lww",region="a"} 4`,
		`octant_conflicts_total{kind="",policy="priority",region="a"} 1`,
		`octant_dead_letters{region="a"} 0`, `octant_breakers{region="a",scope="peer",state="open"} 1`,
		`octant_breakers{region="a",scope="table",state="half-open"} 1`,
		`octant_index_entries{region="a"} 7`,
		`octant_frontier_timestamp_seconds{region="a"} 1.70000000025e+09`,
		`octant_log_bytes{region="a"} 4096`,
		`octant_capture_unmerged_entries{region="a"} 10`,
		`octant_tables{region="a",state="held"} 1`,
		`octant_problems{kind="no_primary_key",region="a"} 1`,
		`octant_short{of="disk",region="a"} 1`, `octant_short{of="memory",region="a"} 0`,
		`octant_replicas{kind="relay",region="a"} 1`, `octant_replicas{kind="replica",region="a"} 2`,
		`octant_replica_behind_entries{host="10.0.0.7",region="a",server_id="77"} 5`,
		`octant_ready{region="a"} 1`,
		"go_goroutines ", "process_resident_memory_bytes ",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("no %s", want)
		}
	}
	busy := newFixed()
	busy.letters = map[relay.Reason]int{relay.CheckViolated: 2, relay.TooLarge: 1}
	_, page = get(t, newServer(exact{busy}).Handler(), "/metrics")
	for _, want := range []string{
		`octant_conflicts_total{kind="insert_exists",policy="lww",region="a"} 9`, `octant_dead_letters{region="a"} 3`,
		`octant_dead_letters_by_reason{reason="check",region="a"} 2`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("no %s", want)
		}
	}
}

func TestServeUntilStopped(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- newServer(newFixed()).Serve(ctx, l) }()
	res, err := http.Get("http://" + l.Addr().String() + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(res.Body)
	res.Body.Close()
	if string(body) != "ok\n" {
		t.Errorf("got %q", body)
	}
	stop()
	if err := <-done; err != nil {
		t.Errorf("serve: %v", err)
	}
	if _, err := net.Dial("tcp", l.Addr().String()); err == nil {
		t.Error("still listens")
	}
}

func TestServeReportsABrokenListener(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if err := newServer(newFixed()).Serve(t.Context(), l); !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v", err)
	}
}
