//go:build bench

package bench_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/octant-db/octant/testenv"
	"github.com/octant-db/octant/testenv/envtest"
)

// benchMySQL compares with a stock replica that has four workers.
func benchMySQL(t *testing.T, s settings, r *report) {
	engine, err := testenv.EngineNamed("mysql-9.7")
	if err != nil {
		t.Fatal(err)
	}
	ctx := envtest.Context(t, 10*time.Minute)
	args := []string{"--innodb-buffer-pool-size=128M", "--replica-parallel-workers=4", "--max-binlog-size=1G"}
	bed := envtest.Start(t, testenv.Options{Engine: engine, Regions: 2, Octant: envtest.Octant(t), ServerArgs: args, Configure: func(c *testenv.RelayConfig) {
		c.Database.Include = []string{"bench.*"}
	}})
	a, b := bed.Regions[0], bed.Regions[1]
	followerDir := filepath.Join(envtest.Dir(t), "db")
	follower := envtest.Server(t, testenv.ServerOptions{Engine: engine, Dir: followerDir, ID: 100, Regions: 3, Args: args})
	if err := follower.Follow(ctx, testenv.Source{Addr: a.Server.Addr(), User: testenv.DatabaseUser, Password: bed.Password}); err != nil {
		t.Fatal(err)
	}
	fillTables(t, ctx, a.Server.DB())
	mustExec(t, ctx, a.Server.DB(), "CREATE TABLE bench.probe (id INT PRIMARY KEY)")
	v := &rivalry{
		settings: s, rows: rowsOfTable, engine: "mysql 9.7", rival: "replica, 4 workers", lagGoal: 3, a: a.Server.DB(), b: b.Server.DB(), relayA: a.Relay, relayB: b.Relay,
		session: openRelay(t, b.Relay, bed.Password), serverB: serverPID(t, filepath.Join(bed.Dir, "b", "db")),
		follower: follower.DB(), followerServer: serverPID(t, followerDir), follow: follower.StartFollowing, stopFollow: follower.StopFollowing,
	}
	await(t, ctx, "the tables are everywhere", func() (bool, error) { return v.filled(ctx) })
	v.run(t, r)
}

// filled tells whether the last table has come to region b and to the follower.
func (v *rivalry) filled(ctx context.Context) (bool, error) {
	if _, err := exists(ctx, v.b, "bench.probe", 0); err != nil {
		return false, err
	}
	_, err := exists(ctx, v.follower, "bench.probe", 0)
	return err == nil, err
}
