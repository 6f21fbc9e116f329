package regions_test

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/octant-db/octant/protocol/postgres/pgtest"
	"github.com/octant-db/octant/testenv"
	"github.com/octant-db/octant/testenv/envtest"
)

const recoverSchema = `CREATE TABLE t (id int PRIMARY KEY, v text, u int UNIQUE);
CREATE TABLE sums (id int PRIMARY KEY, n int NOT NULL);
ALTER TABLE sums REPLICA IDENTITY FULL`

// TestADatabaseGetsBackWhatItHasLost: a's database comes back as it was before its last commits, its own and those of b that it had applied. Its relay has them: some of
// its own have come to b, others to nobody.
func TestADatabaseGetsBackWhatItHasLost(t *testing.T) {
	e := pgtest.Oldest(t)
	b := start(t, recoverSchema, e, e)
	ctx := envtest.Context(t, 5*time.Minute)
	a, other := b.regions[0], b.regions[1]
	tables := []string{"app.t", "app.sums"}
	a.server.Exec(t, "INSERT INTO app.t VALUES (1, 'old', 1), (2, 'old', 2), (3, 'old', 3), (4, 'old', 4), (5, repeat(md5('large'), 4000), 55)")
	a.server.Exec(t, "INSERT INTO app.sums VALUES (1, 0)")
	b.awaitIdentical(t, time.Minute, tables...)
	backup := t.TempDir()
	a.server.Kill()
	copyFiles(t, a.server.Data(), backup)
	a.server.Run()
	for _, sql := range []string{
		"UPDATE app.t SET v = 'by a' WHERE id = 1", "DELETE FROM app.t WHERE id = 2", "INSERT INTO app.t VALUES (6, 'by a', 2)", "UPDATE app.sums SET n = n + 10",
		"UPDATE app.t SET u = 56 WHERE id = 5",
	} {
		a.server.Exec(t, sql)
	}
	for _, sql := range []string{
		"UPDATE app.t SET v = 'by b' WHERE id = 3", "INSERT INTO app.t VALUES (7, 'by b', 77)", "UPDATE app.sums SET n = n + 100", "INSERT INTO app.sums VALUES (2, 1007)",
	} {
		other.server.Exec(t, sql)
	}
	b.awaitIdentical(t, 2*time.Minute, tables...)
	b.network.Link("b", "a").Set(testenv.Cut)
	for _, sql := range []string{
		"UPDATE app.t SET v = 'only a and its relay know' WHERE id = 4", "INSERT INTO app.t VALUES (8, 'shortly', 8)", "DELETE FROM app.t WHERE id = 8",
		"UPDATE app.sums SET n = n + 1000 WHERE id = 1", "INSERT INTO app.t VALUES (9, 'last', 9)",
	} {
		a.server.Exec(t, sql)
	}
	other.server.Exec(t, "UPDATE app.t SET v = 'concurrently' WHERE id = 4")
	b.until(t, "b's last write", func() bool { return a.server.Query(t, "SELECT v FROM app.t WHERE id = 4")[0] == "concurrently" })

	restore := func() {
		t.Helper()
		a.server.Kill()
		if err := os.RemoveAll(a.server.Data()); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(a.server.Data(), 0o700); err != nil {
			t.Fatal(err)
		}
		copyFiles(t, backup, a.server.Data())
		a.server.Run()
	}
	restore()
	b.until(t, "the relay to notice", func() bool { return strings.Contains(a.relay.LogTail(), "source_diverged") })
	if err := a.relay.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	a.server.Exec(t, "INSERT INTO app.t VALUES (10, 'too early', 10)")
	if out, err := octantRecover(ctx, t, a); err == nil || !strings.Contains(out, "load this region again") {
		t.Fatalf("what was written since is passed over: %v\n%s", err, out)
	}
	restore()
	for try := 1; ; try++ { // killed on the way, wherever that is; it goes on where it was
		killed, cancel := context.WithTimeout(ctx, time.Duration(100*try)*time.Millisecond)
		out, err := octantRecover(killed, t, a)
		ended := killed.Err() == nil || err == nil
		cancel()
		t.Logf("try %d: %v\n%s", try, err, out)
		if ended && err != nil && !strings.Contains(out, "lost nothing") {
			t.Fatal("not recovered")
		}
		if ended {
			break
		}
	}
	if out, err := octantRecover(ctx, t, a); err == nil || !strings.Contains(out, "lost nothing") {
		t.Errorf("recovered twice: %v\n%s", err, out)
	}
	if err := a.relay.Start(); err != nil {
		t.Fatal(err)
	}
	b.network.Heal()
	a.server.Exec(t, "UPDATE app.sums SET n = n + 10000 WHERE id = 1")
	a.server.Exec(t, "INSERT INTO app.t VALUES (11, 'goes on', 11)")
	other.server.Exec(t, "INSERT INTO app.t VALUES (12, 'there too', 12)")
	for _, r := range b.regions {
		b.until(t, "what is written afterwards", func() bool { return len(r.server.Query(t, "SELECT v FROM app.t WHERE id IN (11, 12)")) == 2 })
	}
	b.awaitIdentical(t, 2*time.Minute, tables...)
	for _, r := range b.regions {
		got := strings.Join(r.server.Query(t, "SELECT id || ' ' || left(v, 12) || ' ' || length(v) || ' ' || u FROM app.t ORDER BY id"), "; ")
		if want := "1 by a 4 1; 3 by b 4 3; 4 concurrently 12 4; 5 afacdb0a401c 128000 56; 6 by a 4 2; 7 by b 4 77; 9 last 4 9; 11 goes on 7 11; 12 there too 9 12"; got != want {
			t.Errorf("region %s has %s, want %s", r.name, got, want)
		}
		if got := strings.Join(r.server.Query(t, "SELECT id || ' ' || n FROM app.sums ORDER BY id"), "; "); got != "1 11110; 2 1007" {
			t.Errorf("in region %s the sums are %s", r.name, got)
		}
	}
}

// octantRecover runs octant recover in a region and returns what it says.
func octantRecover(ctx context.Context, t *testing.T, r *region) (string, error) {
	t.Helper()
	out, err := exec.CommandContext(ctx, envtest.Octant(t), "recover", "--config", r.relay.ConfigFile()).CombinedOutput()
	return string(out), err
}

// copyFiles copies the files of a server that does not run.
func copyFiles(t *testing.T, from, to string) {
	t.Helper()
	if out, err := exec.Command("cp", "-a", from+"/.", to).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

// until waits for a condition.
func (b *bed) until(t *testing.T, what string, done func() bool) {
	t.Helper()
	for limit := time.Now().Add(2 * time.Minute); !done(); b.pause() {
		if time.Now().After(limit) {
			t.Fatalf("waited too long for %s: %s", what, b.regions[0].relay.LogTail())
		}
	}
}
