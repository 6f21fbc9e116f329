//go:build bench

package bench_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/octant-db/octant/bench"
	"github.com/octant-db/octant/relay"
	"github.com/octant-db/octant/testenv"
	"github.com/octant-db/octant/testenv/envtest"
)

// durability is how the databases that apply treat their disks, the same on both sides.
type durability struct{ name, flushLog, syncBinlog string }

var durabilities = []durability{{"durable", "1", "1"}, {"relaxed", "2", "0"}}

// benchApply applies the backlog with a relay and with a replica, in turns, and compares the tables.
func (b *backlog) benchApply(t *testing.T, r *report, seq relay.Seq) {
	for _, d := range durabilities {
		t.Run(d.name, func(t *testing.T) {
			ctx := envtest.Context(t, 30*time.Minute)
			row := func(what string, c bench.Comparison) *bench.Comparison {
				c.What, c.Unit = fmt.Sprintf("apply, %s: %s", d.name, what), "s"
				return r.row(c)
			}
			wall := row("relay | replica, 4 optimistic threads", bench.Comparison{Goal: bench.Faster, Target: 1})
			target := row("CPU of the database", bench.Comparison{Goal: bench.ForScale})
			all := row("CPU of database and relays | database", bench.Comparison{Goal: bench.ForScale})
			for round := range b.rounds {
				theirs := b.replicate(t, ctx, d)
				ours := b.relayed(t, ctx, d, seq)
				now := load(t)
				wall.Add(ours.seconds, theirs.seconds, now)
				target.Add(ours.database, theirs.database, now)
				all.Add(ours.database+ours.sender+ours.receiver, theirs.database, now)
				t.Logf("round %d: relay %.2f s (CPU: database %.2f, sending relay %.2f, receiving relay %.2f), replica %.2f s (CPU %.2f), load %.1f",
					round+1, ours.seconds, ours.database, ours.sender, ours.receiver, theirs.seconds, theirs.database, now)
				b.requireIdentical(t, ctx)
			}
		})
	}
}

// applied is what applying the backlog once took, in seconds of time and of processors.
type applied struct{ seconds, database, sender, receiver float64 }

// set makes a server treat its disk as d says.
func (d durability) set(t *testing.T, ctx context.Context, s *testenv.Server) {
	t.Helper()
	mustExec(t, ctx, s.DB(), fmt.Sprintf("SET GLOBAL innodb_flush_log_at_trx_commit=%s, GLOBAL sync_binlog=%s", d.flushLog, d.syncBinlog))
}

// replicate has the stock replica apply the backlog.
func (b *backlog) replicate(t *testing.T, ctx context.Context, d durability) applied {
	t.Helper()
	b.replica.restoreServer(t, ctx)
	d.set(t, ctx, b.replica.server)
	mustExec(t, ctx, b.replica.server.DB(), "SET GLOBAL slave_parallel_threads=4, GLOBAL slave_parallel_mode='optimistic'")
	pid := serverPID(t, b.replica.serverDir())
	used, began := cpuSeconds(t, pid), time.Now()
	if err := b.replica.server.Follow(ctx, b.followed(b.before)); err != nil {
		t.Fatal(err)
	}
	b.awaitReplica(t, ctx)
	a := applied{seconds: time.Since(began).Seconds(), database: cpuSeconds(t, pid) - used}
	if err := b.replica.server.StopFollowing(ctx); err != nil {
		t.Fatal(err)
	}
	return a
}

// relayed has the target's relay apply the backlog. The source's relay, which sends it, runs already.
func (b *backlog) relayed(t *testing.T, ctx context.Context, d durability, seq relay.Seq) applied {
	t.Helper()
	b.target.restoreServer(t, ctx)
	b.target.restoreRelay(t, ctx)
	d.set(t, ctx, b.target.server)
	pid, sender := serverPID(t, b.target.serverDir()), b.source.relay.PID()
	used, sent, began := cpuSeconds(t, pid), cpuSeconds(t, sender), time.Now()
	if err := b.target.relay.Start(); err != nil {
		t.Fatal(err)
	}
	profile := b.profile(t, b.target.relay, "apply-"+d.name)
	profileSender := b.profile(t, b.source.relay, "send-"+d.name)
	await(t, ctx, "the last row can be read", func() (bool, error) { return b.showsLastRow(ctx, b.target) })
	b.awaitLedger(t, ctx, seq)
	a := applied{
		seconds: time.Since(began).Seconds(), database: cpuSeconds(t, pid) - used,
		sender: cpuSeconds(t, sender) - sent, receiver: cpuSeconds(t, b.target.relay.PID()),
	}
	b.finish(t, b.target.relay, profile, "apply-"+d.name)
	b.finish(t, b.source.relay, profileSender, "send-"+d.name)
	b.target.stopRelay(t, ctx)
	return a
}

// awaitReplica waits for the last row, and looks now and then whether the replica still runs.
func (b *backlog) awaitReplica(t *testing.T, ctx context.Context) {
	t.Helper()
	looked := time.Now()
	await(t, ctx, "the replica shows the last row", func() (bool, error) {
		if time.Since(looked) > time.Second {
			looked = time.Now()
			status, err := b.replica.server.ReplicaStatus(ctx)
			if err != nil {
				return false, err
			}
			if status["Slave_SQL_Running"] == "No" || status["Slave_IO_Running"] == "No" {
				t.Fatalf("the replica has stopped: %s%s", status["Last_IO_Error"], status["Last_SQL_Error"])
			}
		}
		return b.showsLastRow(ctx, b.replica)
	})
}

func (b *backlog) showsLastRow(ctx context.Context, s *station) (bool, error) {
	var rows int
	err := s.server.DB().QueryRowContext(ctx, "SELECT COUNT(*) FROM bench.done").Scan(&rows)
	return rows > 0, err
}

// awaitLedger waits until the target's own ledger says that everything has been applied.
func (b *backlog) awaitLedger(t *testing.T, ctx context.Context, seq relay.Seq) {
	t.Helper()
	await(t, ctx, "the ledger says that all is applied", func() (bool, error) {
		var last uint64
		err := b.target.server.DB().QueryRowContext(ctx, "SELECT COALESCE(MAX(to_seq), 0) FROM octant.applied WHERE origin=?",
			b.source.server.ID()).Scan(&last)
		return relay.Seq(last) >= seq, err
	})
}

func (b *backlog) requireIdentical(t *testing.T, ctx context.Context) {
	t.Helper()
	var sites []testenv.Site
	for name, s := range map[string]*station{"source": b.source, "relayed": b.target, "replica": b.replica} {
		sites = append(sites, testenv.Site{Name: name, ID: s.server.ID(), DB: s.server.DB()})
	}
	diff, err := testenv.Oracle{Sites: sites, Databases: []string{"bench"}, ShowValues: true}.Compare(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := diff.Err(); err != nil {
		t.Fatalf("the tables differ: %v", err)
	}
}
