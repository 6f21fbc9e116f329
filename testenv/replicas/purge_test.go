package replicas_test

import (
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/octant-db/octant/testenv"
	"github.com/octant-db/octant/testenv/envtest"
)

// TestPurgeKeepsWhatReplicasNeed purges a relay's log while one replica follows and another one is away: what the one that is away has not read
// stays until it is back, or until the operator forces it; then it is told so with error 1236, and the other one notices nothing.
func TestPurgeKeepsWhatReplicasNeed(t *testing.T) {
	envtest.EachEngine(t, func(t *testing.T, engine testenv.Engine) {
		s := startSite(t, engine)
		admin := s.admin(t)
		replicas := s.startReplicas(t, 2)
		here, away := replicas[0], replicas[1]
		for _, r := range replicas {
			follow(t, r, s.relaySource(plainUser(engine)))
		}
		s.writeFile(t, 1)
		s.waitAll(t, replicas...)
		admin.must(t, "PURGE BINARY LOGS BEFORE '2001-01-01'") // nothing is so old, and the relay sees who reads

		if err := away.StopFollowing(envtest.Context(t, soon)); err != nil {
			t.Fatal(err)
		}
		s.writeFile(t, 2)
		s.writeFile(t, 3)
		s.waitAll(t, here)
		last := admin.files(t)
		newest := last[len(last)-1]
		who := fmt.Sprintf("replica %d", away.ID())
		admin.refuses(t, "PURGE BINARY LOGS TO '"+newest+"'", who)
		admin.refuses(t, "PURGE MASTER LOGS BEFORE NOW() + INTERVAL 1 HOUR", who)
		admin.refuses(t, "PURGE BINARY LOGS TO 'other-bin.000001'", "Target log not found")
		if got := admin.files(t); len(got) < len(last) || !slices.Equal(got[:len(last)], last) { // the next one may have begun
			t.Errorf("a refused purge leaves %v of %v", got, last)
		}

		if err := away.StartFollowing(envtest.Context(t, soon)); err != nil {
			t.Fatal(err)
		}
		s.waitAll(t, replicas...)
		admin.must(t, "PURGE BINARY LOGS TO '"+newest+"'")
		admin.waitFirst(t, newest)

		s.forced(t, admin, here, away)
	})
}

// forced cuts off the replica that is away.
func (s *site) forced(t *testing.T, admin *steering, here, away *testenv.Server) {
	t.Helper()
	if err := away.StopFollowing(envtest.Context(t, soon)); err != nil {
		t.Fatal(err)
	}
	s.writeFile(t, 4)
	s.writeFile(t, 5)
	s.waitAll(t, here)
	files := admin.files(t)
	newest := files[len(files)-1]
	admin.refuses(t, "PURGE BINARY LOGS TO '"+newest+"'", fmt.Sprintf("replica %d", away.ID()))
	admin.must(t, "CALL octant.purge('"+newest+"', 'force')")
	admin.waitFirst(t, newest)
	if err := away.StartFollowing(envtest.Context(t, soon)); err != nil {
		t.Fatal(err)
	}
	waitStopped(t, away, "purged")
	run(t, s.Server, "INSERT INTO app.kept VALUES (100, 100)")
	s.requireIdentical(t, here)
}

// writeFile writes something and ends the source's file.
func (s *site) writeFile(t *testing.T, n int) {
	t.Helper()
	run(t, s.Server, "INSERT INTO app.kept VALUES (?, ?)", n, n)
	run(t, s.Server, "FLUSH BINARY LOGS")
}

// waitStopped waits until a replica's IO thread has stopped for good and says why.
func waitStopped(t *testing.T, replica *testenv.Server, why string) {
	t.Helper()
	ctx := envtest.Context(t, soon)
	for {
		status, err := replica.ReplicaStatus(ctx)
		if err != nil {
			t.Fatalf("the replica does not stop: %v%s", err, stateOf(replica))
		}
		running := status["Slave_IO_Running"] + status["Replica_IO_Running"]
		if strings.Contains(status["Last_IO_Error"], why) && running == "No" {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// steering is an admin's connection to the relay.
type steering struct{ *sql.DB }

func (s *site) admin(t *testing.T) *steering {
	t.Helper()
	db, err := s.Relay.Open(testenv.AdminUser, s.bed.Password)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return &steering{db}
}

func (a *steering) must(t *testing.T, statement string) {
	t.Helper()
	if _, err := a.ExecContext(envtest.Context(t, soon), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

func (a *steering) refuses(t *testing.T, statement, why string) {
	t.Helper()
	if _, err := a.ExecContext(envtest.Context(t, soon), statement); err == nil || !strings.Contains(err.Error(), why) {
		t.Errorf("%s: %v, want %q", statement, err, why)
	}
}

// files are the names of the log files that the relay shows.
func (a *steering) files(t *testing.T) []string {
	t.Helper()
	rows, err := a.QueryContext(envtest.Context(t, soon), "SHOW BINARY LOGS")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for rows.Next() {
		var name string
		cells := make([]any, len(columns))
		cells[0] = &name
		for i := range cells[1:] {
			cells[i+1] = new(sql.RawBytes)
		}
		if err := rows.Scan(cells...); err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return names
}

// waitFirst waits until a file is the first that the relay has: room is made a moment later.
func (a *steering) waitFirst(t *testing.T, file string) {
	t.Helper()
	a.waitFiles(t, "from "+file+" on", func(first string) bool { return first == file })
}

// waitFiles waits until the first file that the relay has is as it should be.
func (a *steering) waitFiles(t *testing.T, which string, right func(first string) bool) {
	t.Helper()
	ctx := envtest.Context(t, soon)
	for {
		files := a.files(t)
		if len(files) > 0 && right(files[0]) {
			return
		}
		if ctx.Err() != nil {
			t.Fatalf("the relay has %v, not the files %s", files, which)
		}
		time.Sleep(10 * time.Millisecond)
	}
}
