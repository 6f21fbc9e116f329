package admin_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-mysql-org/go-mysql/mysql"

	"github.com/octant-db/octant/internal/admin"
	"github.com/octant-db/octant/relay"
)

var now = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// fixed shows a relay that never changes, and writes down how it is steered.
type fixed struct {
	versions int // how many the index has

	mu    sync.Mutex
	calls []string
	fail  error
	ended int // how many lists of versions were read or left
}

func (*fixed) Self() relay.Hello {
	return relay.Hello{Cluster: "shop", Name: "a", Region: 1, Store: "s1"}
}

func (*fixed) Status() relay.Status {
	return relay.Status{
		Ready: true, Started: now.Add(-90 * time.Second), Engine: "mariadb 10.11.19", DatabaseAt: "127.0.0.1:3306",
		Capture:  relay.CaptureStatus{Connected: true, Since: now.Add(-80 * time.Second), CaughtUp: true, LSN: 120, Merged: 120, HLC: 1_700_000_000_000_001},
		Apply:    relay.ApplyStatus{Writable: true, Index: 4},
		Counters: relay.Counters{CapturedTransactions: 60, Conflicts: 3},
	}
}

func (*fixed) Peers() []relay.PeerStatus {
	return []relay.PeerStatus{
		{
			Region: "b", ID: 2, Address: "10.0.2.5:4001", State: "connected", Received: relay.SeqHLC{Seq: 50, HLC: 1000}, Applied: relay.SeqHLC{Seq: 48, HLC: 900},
			Lag: 2300 * time.Millisecond, Offset: -4 * time.Millisecond, Holds: 60, Since: now.Add(-time.Minute),
		},
		{
			Region: "c", ID: 3, Address: "[::1]:4002", State: "connecting", Received: relay.SeqHLC{Seq: 7}, Applied: relay.SeqHLC{Seq: 7},
			LastError: "dial tcp: connection refused", Reconnects: 4,
		},
		{Region: "d", ID: 4, Address: "10.0.2.7:4001", State: "paused"},
		{Region: "e", ID: 5, Address: "10.0.2.8:4001", State: "stopped", LastError: "app.t has other columns here"},
	}
}

func (*fixed) LogStatus() relay.LogStatus {
	return relay.LogStatus{
		First: 1, Last: 120, Bytes: 9000, GTIDSet: "0-1-100", Purged: "0-1-7", File: "mariadb-bin.000002", Position: 4711, Oldest: now.Add(-time.Hour),
		Files: []relay.LogFile{{Name: "mariadb-bin.000001", Size: 1000}, {Name: "mariadb-bin.000002", Size: 4711}},
	}
}

func (*fixed) Tables() []relay.TableStatus {
	return []relay.TableStatus{
		{Schema: "app", Name: "t", Policy: "lww", State: "replicated", Captured: 10, Applied: 20, Conflicts: 3},
		{Schema: "app", Name: "u", Policy: "lww", State: "held", Reason: "no primary key"},
	}
}

func (*fixed) Replicas() []relay.ReplicaStatus {
	return []relay.ReplicaStatus{{
		Connection: 9, ServerID: 77, Kind: "replica", User: "repl", Host: "10.0.9.9:50000", GTID: "0-1-99", File: "mariadb-bin.000002",
		Position: 4000, LSN: 119, Sent: 8000, AckFile: "mariadb-bin.000001", AckPosition: 3999, Since: now.Add(-time.Minute),
	}}
}

func (*fixed) Problems() []relay.Problem {
	return []relay.Problem{{Kind: "no_primary_key", Subject: "app.u", Detail: "app.u is held", Remedy: "add one", Since: now, Count: 2}}
}

func (*fixed) Conflicts(context.Context) iter.Seq2[relay.Conflict, error] {
	list := []relay.Conflict{
		{ID: 3, Kind: "insert_exists", Table: "app.t", Key: `[3]`, Winner: relay.Version{HLC: 9, Region: 2}, Loser: relay.Version{HLC: 8, Region: 1}, Local: `{"id":3,"x":"old"}`, Remote: `{"id":3,"x":"new"}`, Policy: "lww", Decision: "remote", Seq: 48, At: now},
		{ID: 2, Kind: "update_missing", Table: "app.t", Key: `[2]`, Winner: relay.Version{HLC: 7, Region: 3}, Loser: relay.Version{HLC: 6, Region: 1}, Remote: `{"id":2}`, Policy: "lww", Decision: "remote", Seq: 5, At: now.Add(-time.Minute)},
		{ID: 1, Kind: "insert_exists", Table: "app.t", Key: `[1]`, Winner: relay.Version{HLC: 5, Region: 1}, Loser: relay.Version{HLC: 4, Region: 2}, Local: `{"id":1}`, Remote: `{"id":1}`, Policy: "lww", Decision: "local", Seq: 40, At: now.Add(-time.Hour)},
	}
	return func(yield func(relay.Conflict, error) bool) {
		for _, c := range list {
			if !yield(c, nil) {
				return
			}
		}
	}
}

func (f *fixed) Versions(ctx context.Context) iter.Seq2[relay.RowVersion, error] {
	return func(yield func(relay.RowVersion, error) bool) {
		defer func() {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.ended++
		}()
		if f.versions < 0 {
			yield(relay.RowVersion{}, errors.New("the index is shut"))
			return
		}
		for i := range f.versions {
			if !yield(relay.RowVersion{Table: "app.t", Key: fmt.Sprintf("[%d]", i), Version: relay.Version{HLC: relay.HLC(i), Region: 2}, Deleted: i%2 == 1}, nil) {
				return
			}
		}
	}
}

func (f *fixed) note(format string, args ...any) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, fmt.Sprintf(format, args...))
	return f.fail
}

func (f *fixed) Pause(_ context.Context, peer string) error { return f.note("pause %s", peer) }

func (f *fixed) Resume(_ context.Context, peer string) error { return f.note("resume %s", peer) }

func (f *fixed) Evict(_ context.Context, peer string) error { return f.note("evict %s", peer) }

func (f *fixed) StopSource(context.Context) error { return f.note("stop") }

func (f *fixed) StartSource(context.Context) error { return f.note("start") }

func (f *fixed) Purge(_ context.Context, before relay.LSN, force bool) error {
	if force {
		return f.note("purge %d by force", before)
	}
	return f.note("purge %d", before)
}

// File and Time make it admin.Places.
func (f *fixed) File(_ context.Context, name string) (relay.LSN, error) {
	if name == "mariadb-bin.000002" {
		return 60, nil
	}
	return 0, relay.ErrNotFound
}

func (f *fixed) Time(_ context.Context, t time.Time) (relay.LSN, error) {
	return relay.LSN(100 - now.Sub(t)/time.Hour), nil
}

// taken returns what was steered, and forgets it.
func (f *fixed) taken() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := strings.Join(f.calls, "; ")
	f.calls = nil
	return s
}

var boss = admin.Session{ConnectionID: 12, User: "root", Roles: []string{"admin"}, RemoteAddr: "127.0.0.1:5555"}

func newEngine(f *fixed) *admin.Engine { return newEngineWith(f, nil) }

func newEngineWith(f *fixed, history admin.History) *admin.Engine {
	return admin.New(admin.Config{
		Inspector: f, Controller: f, Places: f, History: history, Version: "10.11.19-MariaDB-log", ServerID: 3_000_000_001, Listen: "10.0.1.5:4001", Now: func() time.Time { return now },
	})
}

// answer is a result as text: the column names and each row, with | between the cells.
func answer(t *testing.T, r *mysql.Result) (columns string, rows []string) {
	t.Helper()
	if r == nil || r.Resultset == nil {
		return "", nil
	}
	var names []string
	for _, f := range r.Fields {
		names = append(names, string(f.Name))
	}
	for _, data := range r.RowDatas {
		cells := make([]string, len(r.Fields))
		for i := range cells {
			if data[0] == 0xfb {
				cells[i], data = "NULL", data[1:]
				continue
			}
			cell, _, n, err := mysql.LengthEncodedString(data)
			if err != nil {
				t.Fatalf("malformed row: %v", err)
			}
			cells[i], data = string(cell), data[n:]
		}
		if len(data) > 0 {
			t.Fatalf("%d bytes too many in a row", len(data))
		}
		rows = append(rows, strings.Join(cells, "|"))
	}
	return strings.Join(names, "|"), rows
}

func (*fixed) DeadLetters(context.Context) iter.Seq2[relay.DeadLetter, error] {
	return func(yield func(relay.DeadLetter, error) bool) {
		yield(relay.DeadLetter{
			ID: 7, Region: 2, Peer: "b", Version: relay.Version{HLC: 9, Region: 2}, Table: "app.u", Key: `{"id":7}`, Row: `{"id":7,"v":"x"}`,
			Reason: relay.CheckViolated, Detail: "CONSTRAINT positive failed", Attempts: 3, Since: now.Add(-time.Minute), Next: now.Add(time.Minute), State: "parked",
		}, nil)
	}
}

func (*fixed) LetterCounts() map[relay.Reason]int {
	return map[relay.Reason]int{relay.CheckViolated: 1}
}

func (*fixed) Breakers() []relay.BreakerStatus {
	return []relay.BreakerStatus{
		{Scope: "peer", Subject: "b", State: "closed", Since: now},
		{Scope: "table", Subject: "app.u", State: "open", Reason: "the table is missing here", Failures: 2, Opened: 1, Since: now, Next: now.Add(time.Second)},
	}
}

func (f *fixed) RetryLetter(_ context.Context, id uint64) error {
	if id == 404 {
		return fmt.Errorf("dead letter %d: %w", id, relay.ErrNotFound)
	}
	return f.note("retry %d", id)
}

func (f *fixed) SkipLetter(_ context.Context, id uint64) error {
	return f.note("skip %d", id)
}

func (f *fixed) EditLetter(_ context.Context, id uint64, row string) error {
	return f.note("edit %d %s", id, row)
}

func (f *fixed) Explain(_ context.Context, table string, key []string) ([]relay.Reasoning, error) {
	return []relay.Reasoning{
		{Step: "shown", Version: relay.Version{HLC: 7, Region: 2}, Row: `{"id":5}`, Why: table + " " + strings.Join(key, ",")},
		{Step: "forgotten"},
	}, nil
}

func (f *fixed) Resolve(_ context.Context, id uint64, choice string) error {
	return f.note("resolve %d %s", id, choice)
}
