package testenv_test

import (
	"testing"
	"time"

	"github.com/octant-db/octant/testenv"
	"github.com/octant-db/octant/testenv/envtest"
)

func TestStockReplicaFollowsInBothModes(t *testing.T) {
	t.Parallel()
	source := envtest.Server(t, testenv.ServerOptions{ID: 1, Relaxed: true})
	exec(t, source, "CREATE USER r@'%' IDENTIFIED BY 'pw'; GRANT REPLICATION SLAVE ON *.* TO r@'%'")
	exec(t, source, "CREATE DATABASE app; CREATE TABLE app.t (id INT PRIMARY KEY, v TEXT)")
	// Both replicas live on at the same time, so they need ids of their own: a source ends the older of two
	// dumps with the same server_id (error 4052).
	for i, test := range []struct {
		mode string
		from testenv.Source
	}{
		{"GTID", testenv.Source{}},
		{"file and position", testenv.Source{File: "mariadb-bin.000001", Position: 4}},
	} {
		mode, from := test.mode, test.from
		replica := envtest.Server(t, testenv.ServerOptions{ID: 2 + i, Relaxed: true})
		from.Addr, from.User, from.Password = source.Addr(), "r", "pw"
		if err := replica.Follow(t.Context(), from); err != nil {
			t.Fatalf("%s: %v", mode, err)
		}
		exec(t, source, "INSERT INTO app.t VALUES ((SELECT COUNT(*) FROM app.t AS other), 'x')")
		if err := replica.WaitReplicated(envtest.Context(t, time.Minute), source); err != nil {
			t.Fatalf("%s: %v", mode, err)
		}
		sites := []testenv.Site{{Name: "source", DB: source.DB()}, {Name: "replica", DB: replica.DB()}}
		oracle := testenv.Oracle{Sites: sites, Databases: []string{"app"}}
		if err := compare(t, oracle).Err(); err != nil {
			t.Errorf("%s: %v", mode, err)
		}
	}
}

func TestReplicaThatStopsIsReported(t *testing.T) {
	t.Parallel()
	source := envtest.Server(t, testenv.ServerOptions{ID: 1, Relaxed: true})
	exec(t, source, "CREATE USER r@'%' IDENTIFIED BY 'pw'; GRANT REPLICATION SLAVE ON *.* TO r@'%'")
	exec(t, source, "CREATE DATABASE app; CREATE TABLE app.t (id INT PRIMARY KEY)")
	replica := envtest.Server(t, testenv.ServerOptions{ID: 2, Relaxed: true})
	follow := func() error { return replica.WaitReplicated(envtest.Context(t, time.Minute), source) }
	if err := replica.Follow(t.Context(), testenv.Source{Addr: source.Addr(), User: "r", Password: "pw"}); err != nil {
		t.Fatal(err)
	}
	if err := follow(); err != nil {
		t.Fatal(err)
	}
	exec(t, replica, "INSERT INTO app.t VALUES (1)")
	exec(t, source, "INSERT INTO app.t VALUES (1)")
	if err := follow(); err == nil || !contains(err.Error(), "SQL thread stopped") {
		t.Errorf("a replica that met an existing row: %v", err)
	}
	if err := replica.StopFollowing(t.Context()); err != nil {
		t.Error(err)
	}
}
