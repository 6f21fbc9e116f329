package watch_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/octant-db/octant/internal/watch"
	"github.com/octant-db/octant/relay"
)

var update = flag.Bool("update", false, "write the golden files anew")

var now = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func busy() watch.Snapshot {
	return watch.Snapshot{
		At: now, Version: "octant v1.2.3", Self: relay.Hello{Cluster: "shop", Name: "a", Region: 1},
		Status: relay.Status{
			Ready: true, Started: now.Add(-3*time.Hour - 25*time.Minute), Engine: "mariadb 10.11.19", DatabaseAt: "127.0.0.1:3306",
			Capture: relay.CaptureStatus{Connected: true, CaughtUp: true, LSN: 120_345, Merged: 120_340, LastEvent: now.Add(-1200 * time.Millisecond)},
			Apply:   relay.ApplyStatus{Writable: true, Index: 812, Pending: 14, Repairs: 1, Frontier: relay.HLC(now.Add(-900 * time.Millisecond).UnixMicro())},
			Counters: relay.Counters{
				CapturedTransactions: 100_500, CapturedBytes: 40 << 20, ReceivedTransactions: 200_000, ReceivedBytes: 3 << 30, AppliedTransactions: 199_900,
				AppliedRows: 400_000, SkippedRows: 17, ServedTransactions: 703_500, ServedBytes: 280 << 20, Conflicts: 9, Inversions: 2, RepairsDone: 2, ApplyRetries: 31,
			},
		},
		Log: relay.LogStatus{First: 1, Last: 120_345, Bytes: 3200 << 20, File: "mariadb-bin.000007", Position: 4711, Oldest: now.Add(-75 * time.Hour)},
		Peers: []relay.PeerStatus{
			{Region: "b", State: "connected", Lag: 4 * time.Millisecond, Applied: relay.SeqHLC{Seq: 99_990}, Received: relay.SeqHLC{Seq: 100_000}, Holds: 100_500, Offset: -3 * time.Millisecond},
			{Region: "frankfurt", State: "connecting", Lag: 95 * time.Second, Applied: relay.SeqHLC{Seq: 5}, Received: relay.SeqHLC{Seq: 5}, Reconnects: 12, LastError: "dial tcp 10.0.2.6:4001: connect: connection refused, and a long story about why that may be so"},
			{Region: "d", State: "paused", Offset: 2 * time.Hour},
		},
		Tables: []relay.TableStatus{
			{Schema: "app", Name: "orders", Policy: "lww", State: "replicated"},
			{Schema: "app", Name: "notes", Policy: "lww", State: "held", Reason: "no primary key"},
		},
		Replicas: []relay.ReplicaStatus{
			{ServerID: 77, Kind: "replica", User: "repl", Host: "10.0.9.9:50000", LSN: 120_345, Sent: 280 << 20},
			{Kind: "relay", User: "peer", Host: "10.0.2.5:41000", LSN: 120_344, Sent: 1000},
		},
		Problems: []relay.Problem{
			{Kind: "no_primary_key", Subject: "app.notes", Detail: "changes of this table are held", Remedy: "ALTER TABLE app.notes ADD PRIMARY KEY in every region", Since: now.Add(-10 * time.Minute), Count: 3},
			{Kind: "ddl", Subject: "app.t", Detail: "CREATE TABLE is not carried to other regions", Remedy: "run it there too", Since: now.Add(-5 * time.Second), Count: 1},
		},
	}
}

func earlier() *watch.Snapshot {
	s := busy()
	s.At = now.Add(-2 * time.Second)
	s.Status.Counters.CapturedTransactions -= 401
	s.Status.Counters.CapturedBytes -= 3 << 20
	s.Status.Counters.AppliedTransactions -= 25
	s.Status.Counters.AppliedRows -= 50
	return &s
}

func idle() watch.Snapshot {
	return watch.Snapshot{
		At: now, Version: "unknown", Self: relay.Hello{Cluster: "shop", Name: "a", Region: 1},
		Status: relay.Status{
			Started: now.Add(-40 * time.Second), Reason: "capture is not connected to the database: access denied", Engine: "mariadb 10.11.19", DatabaseAt: "127.0.0.1:3306",
			Capture: relay.CaptureStatus{Err: "access denied\x1b[2J"},
		},
	}
}

func TestGolden(t *testing.T) {
	restarted := earlier()
	restarted.Status.Started = now.Add(-time.Hour)
	tests := []struct {
		name    string
		s       watch.Snapshot
		earlier *watch.Snapshot
		width   int
	}{
		{"busy", busy(), nil, 120},
		{"rates", busy(), earlier(), 120},
		{"narrow", busy(), earlier(), 60},
		{"restarted", busy(), restarted, 120},
		{"idle", idle(), nil, 100},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var b bytes.Buffer
			if err := watch.Render(&b, test.s, test.earlier, test.width); err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(b.String()) {
				if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > test.width {
					t.Errorf("%d characters: %s", n, line)
				}
			}
			if strings.ContainsRune(b.String(), '\x1b') {
				t.Error("an escape got through")
			}
			golden(t, test.name, b.Bytes())
		})
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name+".txt")
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s\n(-update writes it anew)", got, want)
	}
}

func serve(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

func TestShow(t *testing.T) {
	address := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != watch.Path {
			t.Errorf("asked for %s", r.URL.Path)
		}
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(busy())
	})
	var b bytes.Buffer
	if err := watch.Show(t.Context(), watch.FromHTTP(nil, address), &b); err != nil {
		t.Fatal(err)
	}
	golden(t, "busy", b.Bytes())
}

func TestWhatIsNoRelay(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	tests := map[string]struct{ address, want string }{
		"nobody listens": {l.Addr().String(), "is the relay running?"},
		"another server": {serve(t, func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("<html>")) }), "not JSON"},
		"no such page":   {serve(t, http.NotFound), "404"},
		"broken JSON": {serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Write([]byte(`{"At": 1`))
		}), "of this version?"},
	}
	for name, test := range tests {
		var b bytes.Buffer
		for _, draw := range []func(watch.Fetch) error{
			func(f watch.Fetch) error { return watch.Show(t.Context(), f, &b) },
			func(f watch.Fetch) error { return watch.Watch(t.Context(), f, &b, time.Second) },
		} {
			err := draw(watch.FromHTTP(nil, test.address))
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), test.address) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if b.Len() > 0 {
			t.Errorf("%s: drew %s", name, b.String())
		}
	}
}

// TestWatch watches a relay that goes away and comes back.
func TestWatch(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	n := 0
	fetch := func(context.Context) (watch.Snapshot, error) {
		n++
		switch n {
		case 1:
			return *earlier(), nil
		case 2:
			return busy(), nil
		case 3:
			return watch.Snapshot{}, errors.New("no answer")
		case 4:
			return busy(), nil
		}
		cancel()
		return watch.Snapshot{}, ctx.Err()
	}
	var b bytes.Buffer
	if err := watch.Watch(ctx, fetch, &b, time.Millisecond); err != nil {
		t.Fatal(err)
	}
	got := b.String()
	if strings.Count(got, "region a (1) of shop") != 4 || strings.Contains(got, "\x1b") {
		t.Errorf("got %s", got)
	}
	if !strings.Contains(got, "no answer\n\nlast seen 2026-11-21 12:00:00:") || !strings.Contains(got, "200/s") {
		t.Errorf("got %s", got)
	}
}

// full is a writer that cannot be written to.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("full") }

func TestWatchEndsWhenItCannotDraw(t *testing.T) {
	fetch := func(context.Context) (watch.Snapshot, error) { return busy(), nil }
	if err := watch.Watch(t.Context(), fetch, full{}, time.Millisecond); err == nil || err.Error() != "full" {
		t.Errorf("got %v", err)
	}
}
