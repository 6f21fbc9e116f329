package console_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"sync"
	"time"

	"github.com/octant-db/octant/internal/console"
	"github.com/octant-db/octant/relay"
)

var noon = time.Date(2026, 11, 21, 3, 7, 12, 0, time.UTC)

// bed is a relay of region a among eight, whose numbers depend on its time alone.
type bed struct {
	mu      sync.Mutex
	now     time.Time
	paused  map[string]bool
	dealt   map[uint64]string // what was done about which letter
	decided []string          // which conflicts were resolved, and how
	quiet   bool              // nothing is wrong
	reborn  bool              // the relay was started again half an hour ago
}

func newBed() *bed {
	return &bed{now: noon.Add(-time.Hour), paused: map[string]bool{"g": true}, dealt: map[uint64]string{}}
}

// Now is the bed's time.
func (b *bed) Now() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.now
}

func (b *bed) set(t time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now = t
}

// newConsole makes the console of a relay that has run for an hour.
func newConsole(b *bed) *console.Console {
	c := console.New(console.Config{Inspector: b, Controller: b, Users: users, Version: "octant v0.9.0", Now: b.Now})
	for at := noon.Add(-time.Hour); !at.After(noon); at = at.Add(5 * time.Second) {
		b.set(at)
		c.Observe()
	}
	return c
}

var users = []console.User{
	{Name: "ops", Password: "sesame", Roles: []string{"read", "admin"}},
	{Name: "look", Password: "glass", Roles: []string{"read"}},
	{Name: "peer", Password: "open", Roles: []string{"replicate"}},
	{Name: "safe", Password: "lock", Roles: []string{"read"}, RequireTLS: true},
	{Name: "card", Password: "chip", Roles: []string{"read"}, RequireCertificate: true},
}

func (b *bed) Self() relay.Hello { return relay.Hello{Cluster: "shop", Name: "a", Region: 1} }

// wave is a number between 0 and 1 that moves up and down.
func wave(seconds, period, phase float64) float64 {
	return 0.5 + 0.35*math.Sin(2*math.Pi*seconds/period+phase) + 0.15*math.Sin(2*math.Pi*seconds/(period/5.3)+phase*3)
}

// sum is how much a rate of most per second that goes with a wave has come to.
func sum(seconds, most, period, phase float64) uint64 {
	hill := func(share, period, phase float64) float64 {
		k := 2 * math.Pi / period
		return share * (math.Cos(phase) - math.Cos(k*seconds+phase)) / k
	}
	return uint64(most * (0.5*seconds + hill(0.35, period, phase) + hill(0.15, period/5.3, phase*3)))
}

func (b *bed) seconds() float64 { return b.Now().Sub(noon.Add(-2 * time.Hour)).Seconds() }

func (b *bed) Status() relay.Status {
	s := b.seconds()
	status := relay.Status{
		Ready: true, Started: noon.Add(-50 * time.Hour), Engine: "mariadb 10.11.19", DatabaseAt: "127.0.0.1:3306",
		Capture: relay.CaptureStatus{Connected: true, CaughtUp: true, LSN: 1_284_310, Merged: 1_284_301},
		Apply:   relay.ApplyStatus{Writable: true, Index: 48_211, Pending: 14},
		Counters: relay.Counters{
			CapturedTransactions: 1_000_000 + sum(s, 210, 2400, 0), ReceivedTransactions: 6_000_000 + sum(s, 1280, 3000, 1),
			AppliedTransactions: 6_000_000 + sum(s-2, 1280, 3000, 1), AppliedRows: 11_482_004, SkippedRows: 3172,
			CapturedBytes: 512 * (1_000_000 + sum(s, 210, 2400, 0)), ReceivedBytes: 498 * (6_000_000 + sum(s, 1280, 3000, 1)),
			ServedTransactions: 7 * (1_000_000 + sum(s, 210, 2400, 0)), ServedBytes: 3600 * (1_000_000 + sum(s, 210, 2400, 0)),
			Conflicts: 4000 + sum(s, 0.4, 900, 2), RepairsDone: 12, ApplyRetries: 88,
		},
	}
	if again := noon.Add(-30 * time.Minute); b.reborn && b.Now().After(again) {
		status.Started, status.Counters = again, relay.Counters{CapturedTransactions: sum(s, 210, 2400, 0)}
	}
	return status
}

func (b *bed) Peers() []relay.PeerStatus {
	now, s := b.Now(), b.seconds()
	var list []relay.PeerStatus
	for i, name := range []string{"b", "c", "d", "e", "f", "g", "h"} {
		arriving := s
		if name == "f" && !b.quiet {
			arriving = min(s, 7200-360)
		} else if b.isPaused(name) {
			arriving = min(s, 7200-2400)
		}
		received := relay.Seq(700_000 + sum(arriving, 190, 2000+300*float64(i), float64(i)))
		p := relay.PeerStatus{
			Region: name, ID: relay.Region(i + 2), Address: fmt.Sprintf("10.0.%d.5:4001", i+2), State: "connected",
			Received: relay.SeqHLC{Seq: received}, Applied: relay.SeqHLC{Seq: received - relay.Seq(3*wave(s, 60, float64(i)))},
			Holds:  relay.Seq(b.Status().Counters.CapturedTransactions) - 1,
			Lag:    time.Duration((0.008 + 0.03*float64(i%4)*wave(s, 700, float64(i))) * float64(time.Second)),
			Offset: time.Duration(i-3) * 4 * time.Millisecond, Since: now.Add(-49 * time.Hour), Reconnects: uint64(i % 3),
		}
		b.trouble(&p, now)
		list = append(list, p)
	}
	return list
}

// trouble is what is wrong tonight: region f cannot be reached for six minutes, region g is paused, region d is slow.
func (b *bed) trouble(p *relay.PeerStatus, now time.Time) {
	cut := noon.Add(-6 * time.Minute)
	switch {
	case b.isPaused(p.Region) && now.After(noon.Add(-40*time.Minute)):
		p.State, p.Lag, p.Since = "paused", now.Sub(noon.Add(-40*time.Minute)), noon.Add(-40*time.Minute)
	case b.quiet:
	case p.Region == "f" && now.After(cut):
		p.State, p.Lag, p.Since, p.Reconnects = "connecting", now.Sub(cut), cut, 9
		p.LastError = "dial tcp 10.0.6.5:4001: i/o timeout; trying again in 5s"
		p.Holds -= relay.Seq(now.Sub(cut).Seconds() * 100)
	case p.Region == "d" && now.After(noon.Add(-20*time.Minute)):
		p.Lag = time.Duration(11 * wave(b.seconds(), 1500, 4) * float64(time.Second))
		p.Applied.Seq -= relay.Seq(p.Lag.Seconds() * 90)
	}
}

func (b *bed) LogStatus() relay.LogStatus {
	return relay.LogStatus{First: 212_001, Last: 1_284_310, Bytes: 7_412_338_120, File: "mariadb-bin.000041", Position: 88_120_433,
		GTIDSet: "1-1-1284310", Oldest: noon.Add(-50 * time.Hour)}
}

func (b *bed) Tables() []relay.TableStatus {
	return []relay.TableStatus{
		{Schema: "app", Name: "customers", Policy: "lww", State: "replicated", Captured: 20_114, Applied: 140_281, Skipped: 91, Conflicts: 104},
		{Schema: "app", Name: "orders", Policy: "lww", State: "replicated", Captured: 310_284, Applied: 2_104_880},
		{Schema: "app", Name: "stock", Policy: "counter", State: "replicated", Captured: 84_010, Applied: 588_201, Conflicts: 3988},
		{Schema: "app", Name: "visits", Policy: "lww", State: "held", Reason: "column ua is VARCHAR(400) here and VARCHAR(255) in region d: make the definitions equal"},
	}
}

func (b *bed) Replicas() []relay.ReplicaStatus {
	return []relay.ReplicaStatus{
		{ServerID: 3_000_000_002, Kind: "relay", User: "peer", Host: "10.0.2.5:51230", LSN: 1_284_310, Sent: 18_211_009_331, Since: noon.Add(-49 * time.Hour)},
		{ServerID: 71, Kind: "replica", User: "replica", Host: "10.0.1.9:40112", File: "mariadb-bin.000041", Position: 88_119_201, LSN: 1_284_307,
			Sent: 4_120_331, Since: noon.Add(-3 * time.Hour)},
	}
}

func (b *bed) Problems() []relay.Problem {
	if b.quiet {
		return nil
	}
	return []relay.Problem{{
		Kind: "table_held", Subject: "app.visits", Detail: "column ua differs from region d's", Count: 1, Since: noon.Add(-22 * time.Minute),
		Remedy: "make the definitions equal in all regions: ALTER TABLE app.visits MODIFY ua VARCHAR(400)",
	}}
}

func (b *bed) ConflictCounts() []relay.ConflictCount {
	return []relay.ConflictCount{{Kind: "update_origin_differs", Policy: "lww", Count: 98}, {Kind: "delete_origin_differs", Policy: "lww", Count: 6}}
}

// Conflicts yields 120, the newest first.
func (b *bed) Conflicts(context.Context) iter.Seq2[relay.Conflict, error] {
	return func(yield func(relay.Conflict, error) bool) {
		for id := uint64(120); id > 0; id-- {
			if !yield(conflict(id), nil) {
				return
			}
		}
	}
}

func conflict(id uint64) relay.Conflict {
	at := noon.Add(-time.Duration(121-id) * 41 * time.Second)
	c := relay.Conflict{
		ID: id, Kind: "update_origin_differs", Table: "app.customers", Key: fmt.Sprintf(`{"id": %d}`, 1000+id*7%300), Policy: "lww", Decision: "remote",
		Winner: relay.Version{HLC: relay.HLC(at.UnixMicro()), Region: 3}, Loser: relay.Version{HLC: relay.HLC(at.UnixMicro() - 3204), Region: 1}, At: at,
		Local:  `{"id": 1007, "name": "Zoë <b>Müller</b>", "city": "Lyon", "credit": 120.50, "changed_in": "a"}`,
		Remote: `{"id": 1007, "name": "Zoë <b>Müller</b>", "city": "Porto", "credit": 120.50, "changed_in": "c"}`,
	}
	if id%10 == 5 {
		c.Policy, c.Decision, c.Winner, c.Loser = "reject", "local", c.Loser, c.Winner
	}
	if id%4 == 3 {
		c.Kind, c.Remote = "delete_origin_differs", ""
		c.Winner, c.Loser = relay.Version{HLC: c.Winner.HLC, Region: 9}, relay.Version{HLC: c.Winner.HLC, Region: 1}
	}
	return c
}

func (b *bed) Versions(context.Context) iter.Seq2[relay.RowVersion, error] {
	return func(func(relay.RowVersion, error) bool) {}
}

func (b *bed) isPaused(peer string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.paused[peer]
}

// Pause implements relay.Controller.
func (b *bed) Pause(_ context.Context, peer string) error { return b.steer(peer, true) }

// Resume implements relay.Controller.
func (b *bed) Resume(_ context.Context, peer string) error { return b.steer(peer, false) }

func (b *bed) steer(peer string, paused bool) error {
	if len(peer) != 1 || peer < "b" || peer > "h" {
		return fmt.Errorf("no peer is called %q", peer)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.paused[peer] = paused
	return nil
}

var errNotHere = errors.New("not in this test")

func (b *bed) StopSource(context.Context) error             { return errNotHere }
func (b *bed) StartSource(context.Context) error            { return errNotHere }
func (b *bed) Evict(context.Context, string) error          { return errNotHere }
func (b *bed) Purge(context.Context, relay.LSN, bool) error { return errNotHere }

// letters are two that wait, as long as nobody deals with them.
var letters = []relay.DeadLetter{
	{
		ID: 41, Region: 4, Peer: "d", Version: relay.Version{HLC: relay.HLC(noon.Add(-19 * time.Minute).UnixMicro()), Region: 4},
		Table: "app.stock", Key: `{"item": "item-07"}`, Row: `{"item": "item-07", "pieces": -3, "price": 12.40, "last_region": "d"}`,
		Reason: relay.CheckViolated, Detail: "CONSTRAINT pieces_not_negative failed for app.stock", Attempts: 7,
		Since: noon.Add(-19 * time.Minute), Next: noon.Add(4 * time.Minute), State: "parked",
	},
	{
		ID: 44, Region: 2, Peer: "b", Version: relay.Version{HLC: relay.HLC(noon.Add(-3 * time.Minute).UnixMicro()), Region: 2},
		Table: "app.visits", Key: `{"id": 9}`, Reason: relay.PermissionDenied, Detail: "DELETE command denied to user octant", Attempts: 2,
		Since: noon.Add(-3 * time.Minute), State: "parked",
	},
}

// DeadLetters yields those that nobody has dealt with.
func (b *bed) DeadLetters(context.Context) iter.Seq2[relay.DeadLetter, error] {
	return func(yield func(relay.DeadLetter, error) bool) {
		for _, l := range letters {
			if !b.isDealtWith(l.ID) && !yield(l, nil) {
				return
			}
		}
	}
}

func (b *bed) isDealtWith(id uint64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.quiet || b.dealt[id] != ""
}

func (b *bed) LetterCounts() map[relay.Reason]int {
	counts := map[relay.Reason]int{}
	for l := range b.DeadLetters(context.Background()) {
		counts[l.Reason]++
	}
	return counts
}

func (b *bed) Breakers() []relay.BreakerStatus {
	return []relay.BreakerStatus{
		{Scope: "peer", Subject: "b", State: "closed"},
		{Scope: "peer", Subject: "f", State: "open", Reason: "dial tcp 10.0.6.5:4001: i/o timeout", Failures: 12, Next: b.Now().Add(5 * time.Second)},
	}
}

func (b *bed) deal(id uint64, what string) error {
	if id != 41 && id != 44 {
		return fmt.Errorf("letter %d: %w", id, relay.ErrNotFound)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.dealt[id] = what
	return nil
}

func (b *bed) RetryLetter(_ context.Context, id uint64) error {
	if id == 44 {
		return errors.New("DELETE command denied to user octant: GRANT DELETE ON app.visits")
	}
	return b.deal(id, "retried")
}

func (b *bed) SkipLetter(_ context.Context, id uint64) error { return b.deal(id, "skipped") }

func (b *bed) EditLetter(_ context.Context, id uint64, row string) error {
	return b.deal(id, "edited "+row)
}

// Verifications lists two runs: last night one table was not the same everywhere.
func (b *bed) Verifications() []relay.Verification {
	if b.quiet {
		return nil
	}
	began, before := noon.Add(-95*time.Minute), noon.Add(-25*time.Hour)
	return []relay.Verification{
		{ID: 8, Began: began, Table: "app.customers", Result: "identical", Rows: 81_204, Chunks: 41, Seconds: 6.2},
		{ID: 8, Began: began, Table: "app.orders", Result: "identical", Rows: 2_410_882, Chunks: 1206, Rewritten: 12, Seconds: 181.4},
		{ID: 8, Began: began, Table: "app.stock", Result: "differs", Rows: 40_118, Chunks: 21, Differences: 2, Seconds: 4.9},
		{ID: 8, Began: began, Table: "app.visits", Result: "skipped", Reason: "its definition differs in region d"},
		{ID: 7, Began: before, Table: "app.customers", Result: "identical", Rows: 81_101, Chunks: 41, Seconds: 6.0},
		{ID: 7, Began: before, Table: "app.orders", Result: "unsettled", Rows: 2_400_130, Chunks: 1201, Unsettled: 3, Seconds: 190.7},
	}
}

func (b *bed) Explain(context.Context, string, []string) ([]relay.Reasoning, error) {
	return nil, errNotHere
}

// Resolve knows the conflicts up to 70.
func (b *bed) Resolve(_ context.Context, id uint64, choice string) error {
	if id > 70 {
		return fmt.Errorf("conflict %d: %w", id, relay.ErrNotFound)
	}
	if id == 7 {
		return errors.New("its row has been written since")
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.decided = append(b.decided, fmt.Sprintf("%d %s", id, choice))
	return nil
}
