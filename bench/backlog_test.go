//go:build bench

package bench_test

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"github.com/octant-db/octant/relay"
	"github.com/octant-db/octant/testenv"
	"github.com/octant-db/octant/testenv/envtest"
)

// backlog is a source whose log holds transactions that nobody has read, a target, and a stock replica. All
// of them began with the same rows.
type backlog struct {
	settings
	source, target, replica *station

	before string // what the replica has of the source before the backlog, as in gtid_slave_pos
	file   string // the log file that holds it, and where it ends
	end    uint64
}

func benchBacklog(t *testing.T, s settings, r *report) {
	ctx := envtest.Context(t, 45*time.Minute)
	b := newBacklog(t, ctx, s)
	t.Run("capture", func(t *testing.T) { b.benchCapture(t, r) })
	// The relay that captured last goes on as the one that sends.
	seq := b.sendable(t, ctx)
	t.Run("apply", func(t *testing.T) { b.benchApply(t, r, seq) })
}

// newBacklog has the relays meet before the backlog is written, so that it is not history to them.
func newBacklog(t *testing.T, ctx context.Context, s settings) *backlog {
	t.Helper()
	b := &backlog{
		settings: s, source: newStation(t, ctx, "a", 1), target: newStation(t, ctx, "b", 2), replica: newStation(t, ctx, "c", 3),
	}
	binary, a, z := envtest.Octant(t), reservePort(t), reservePort(t)
	b.source.addRelay(t, binary, "a", a, "b", z)
	b.target.addRelay(t, binary, "b", z, "a", a)
	filled := queryText(t, ctx, b.source, "SELECT @@GLOBAL.gtid_binlog_pos")
	if err := b.target.relay.Start(); err != nil {
		t.Fatal(err)
	}
	b.source.startRelay(t, ctx, "peers=all")
	b.target.startRelay(t, ctx, "peers=all")
	for _, s := range []*station{b.source, b.target} {
		s.stopRelay(t, ctx)
		s.saveRelay(t, ctx)
	}
	b.target.saveServer(t, ctx)
	b.introduceReplica(t, ctx, filled)
	b.write(t, ctx)
	return b
}

// introduceReplica gives the replica what the source's relay has made in its database: the schema octant.
func (b *backlog) introduceReplica(t *testing.T, ctx context.Context, has string) {
	t.Helper()
	if err := b.replica.server.Follow(ctx, b.followed(has)); err != nil {
		t.Fatal(err)
	}
	if err := b.replica.server.WaitReplicated(ctx, b.source.server); err != nil {
		t.Fatal(err)
	}
	if err := b.replica.server.StopFollowing(ctx); err != nil {
		t.Fatal(err)
	}
	mustExec(t, ctx, b.replica.server.DB(), "RESET SLAVE ALL") // or it would go on by itself whenever the server starts
	b.before = queryText(t, ctx, b.replica, "SELECT @@GLOBAL.gtid_slave_pos")
	b.replica.saveServer(t, ctx)
}

// followed is the source as a stock replica sees it that has what gtids says.
func (b *backlog) followed(gtids string) testenv.Source {
	return testenv.Source{Addr: b.source.server.Addr(), User: testenv.DatabaseUser, Password: password, GTIDs: gtids}
}

func queryText(t *testing.T, ctx context.Context, s *station, query string) (text string) {
	t.Helper()
	if err := s.server.DB().QueryRowContext(ctx, query).Scan(&text); err != nil {
		t.Fatal(err)
	}
	return text
}

func (b *backlog) write(t *testing.T, ctx context.Context) {
	t.Helper()
	began := time.Now()
	writeBacklog(t, ctx, b.source.server.DB(), b.transactions)
	var ignored sql.NullString
	row := b.source.server.DB().QueryRowContext(ctx, "SHOW MASTER STATUS")
	if err := row.Scan(&b.file, &b.end, &ignored, &ignored); err != nil {
		t.Fatal(err)
	}
	t.Logf("backlog: %d transactions, %.1f MB, written in %.1f s", b.transactions, float64(b.end)/1e6, time.Since(began).Seconds())
}

// sendable waits until the source's relay has captured and merged the backlog, and returns its last transaction.
func (b *backlog) sendable(t *testing.T, ctx context.Context) relay.Seq {
	t.Helper()
	if !b.source.relay.Running() {
		b.source.restoreRelay(t, ctx)
		if err := b.source.relay.Start(); err != nil {
			t.Fatal(err)
		}
	}
	b.awaitCaptured(t, ctx)
	var seq relay.Seq
	await(t, ctx, "the backlog is merged", func() (bool, error) {
		s, err := snapshot(ctx, b.source.relay)
		seq = relay.Seq(s.Status.Counters.CapturedTransactions)
		return err == nil && s.Status.Capture.Merged == s.Status.Capture.LSN, err
	})
	return seq
}

// awaitCaptured returns when the whole backlog is in the source's relay log, and synced.
func (b *backlog) awaitCaptured(t *testing.T, ctx context.Context) {
	t.Helper()
	await(t, ctx, "the backlog is captured", func() (bool, error) {
		s, err := snapshot(ctx, b.source.relay)
		return err == nil && s.Log.File == b.file && s.Log.Position >= b.end, err
	})
}
