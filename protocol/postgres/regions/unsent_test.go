package regions_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/octant-db/octant/protocol/postgres/pgtest"
	"github.com/octant-db/octant/testenv"
	"github.com/octant-db/octant/testenv/envtest"
)

// TestARelayThatLostItsLogSendsWhatItHadNotRead: region a's relay dies with its disk, after b has heard more of it than c. What the slot has kept since is sent, and decided as if it had come
// in time; what only the relay had is given up, and named.
func TestARelayThatLostItsLogSendsWhatItHadNotRead(t *testing.T) {
	e := pgtest.Oldest(t)
	b := start(t, recoverSchema, e, e, e)
	a, second, third := b.regions[0], b.regions[1], b.regions[2]
	tables := []string{"app.t", "app.sums"}
	exec := func(r *region, statements ...string) {
		for _, sql := range statements {
			r.server.Exec(t, sql)
		}
	}
	has := func(r *region, query, want string) {
		b.until(t, want+" in "+r.name, func() bool { return strings.Join(r.server.Query(t, query), "; ") == want })
	}
	exec(a, "INSERT INTO app.t VALUES (1, 'old', 1), (2, 'old', 2), (3, 'old', 3)")
	b.awaitIdentical(t, time.Minute, tables...)
	b.network.Link("c", "a").Set(testenv.Cut)
	exec(a, "INSERT INTO app.t VALUES (10, 'b has it', 10)")
	has(second, "SELECT v FROM app.t WHERE id = 10", "b has it")
	b.network.Link("b", "a").Set(testenv.Cut)
	exec(a, "INSERT INTO app.t VALUES (11, 'only a relay that is gone had it', 11)")
	has(a, "SELECT confirmed_flush_lsn >= pg_current_wal_flush_lsn() FROM pg_replication_slots", "t") // it has said that it has it
	if err := a.relay.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(filepath.Dir(a.relay.ConfigFile()), "data")); err != nil {
		t.Fatal(err)
	}
	exec(second, "UPDATE app.t SET v = 'b, earlier' WHERE id = 1")
	exec(a, "UPDATE app.t SET v = 'a, later' WHERE id = 1", "UPDATE app.t SET v = 'a, earlier' WHERE id = 2", "DELETE FROM app.t WHERE id = 3", "INSERT INTO app.t VALUES (12, 'no relay has read it', 12)")
	exec(second, "UPDATE app.t SET v = 'b, later' WHERE id = 2")
	b.network.Heal()
	out, err := a.join(envtest.Context(t, 3*time.Minute), t, "--from", "c", "--keep")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{"4 transactions that no other region had have been sent to all", "may be missing", `app.t "11": deleted`, `app.t "2": written anew`} {
		if !strings.Contains(out, want) {
			t.Errorf("the command does not say %q:\n%s", want, out)
		}
	}
	b.run(t, a)
	exec(a, "INSERT INTO app.t VALUES (13, 'goes on', 13)")
	exec(third, "INSERT INTO app.t VALUES (14, 'there too', 14)")
	for _, r := range b.regions {
		has(r, "SELECT id || ' ' || v FROM app.t ORDER BY id", "1 a, later; 2 b, later; 10 b has it; 12 no relay has read it; 13 goes on; 14 there too")
	}
	b.awaitIdentical(t, time.Minute, tables...)
}
