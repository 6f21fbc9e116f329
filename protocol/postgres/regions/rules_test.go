package regions_test

import (
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/octant-db/octant/testenv/envtest"
)

// needsRowsBefore: a table that counts columns, and whose log lacks the rows before each change in one region, is neither written there nor are its changes sent,
// until its owner has mended it. From then on the numbers add up.
func (b *bed) needsRowsBefore(t *testing.T) {
	a, o := b.regions[0], b.regions[1]
	o.server.Exec(t, "ALTER TABLE app.sums REPLICA IDENTITY DEFAULT")
	a.server.Exec(t, "INSERT INTO app.sums VALUES (1, 'a', 1.5, repeat('x', 20000))")
	o.server.Exec(t, "INSERT INTO app.sums VALUES (2, 'b', 1)")
	o.server.Exec(t, "UPDATE app.sums SET n = 7 WHERE id = 2")
	b.awaitAnswer(t, o, "SELECT state FROM octant.tables WHERE table_name = 'app.sums' AND reason LIKE '%REPLICA IDENTITY FULL%'", "held")
	b.awaitProblem(t, o, "replica_identity", "app.sums", "not sent")
	b.awaitQuery(t, a, "SELECT id || ' ' || n FROM app.sums ORDER BY id", "1 1.5", "2 1")
	if out, err := exec.Command(envtest.Octant(t), "doctor", "--config", o.relay.ConfigFile()).CombinedOutput(); err == nil || !strings.Contains(string(out), `"app"."sums"`) {
		t.Errorf("octant doctor: %v: %s", err, out)
	}

	b.awaitAnswer(t, o, "SELECT COUNT(*) FROM octant.dead_letters", "1")
	o.server.Exec(t, "ALTER TABLE app.sums REPLICA IDENTITY FULL; DELETE FROM app.sums WHERE id = 2")
	o.server.Exec(t, "INSERT INTO app.sums VALUES (2, 'b', 1)")
	o.retryAll(t)
	b.awaitIdentical(t, 2*time.Minute, "app.sums")
	a.server.Exec(t, "UPDATE app.sums SET v = 'A' WHERE id = 1") // and leaves the large value alone
	for range 20 {
		a.server.Exec(t, "UPDATE app.sums SET n = n + 1.25")
		o.server.Exec(t, "UPDATE app.sums SET n = n - 0.5")
	}
	for _, r := range b.regions {
		b.awaitQuery(t, r, "SELECT id || ' ' || v || ' ' || n || ' ' || coalesce(length(big), 0) FROM app.sums ORDER BY id", "1 A 16.50 20000", "2 b 16.00 0")
	}
}

// retryAll has what was refused be tried again at once. What is tried by itself at that moment needs it no more.
func (r *region) retryAll(t *testing.T) {
	t.Helper()
	db, err := r.relay.Open("admin", "secret")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, id := range r.ask(t, "SELECT id FROM octant.dead_letters") {
		if _, err := db.ExecContext(t.Context(), "CALL octant.retry("+id+")"); err != nil {
			t.Logf("try letter %s again: %v", id, err)
		}
	}
}
