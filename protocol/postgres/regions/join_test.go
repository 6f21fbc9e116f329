package regions_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pglogrepl"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/octant-db/octant/protocol/postgres/pgtest"
	"github.com/octant-db/octant/testenv"
	"github.com/octant-db/octant/testenv/envtest"
)

// joinSchema has every type, a table with many rows which change all the time and swap their unique values, and children of rows that come and go.
const joinSchema = typesSchema + `;
CREATE TABLE big (id int PRIMARY KEY, u int UNIQUE, v text, n int NOT NULL DEFAULT 0);
CREATE TABLE child (id serial PRIMARY KEY, parent int REFERENCES big ON DELETE CASCADE);
CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.v := ''spoilt''; RETURN NEW; END'`

// spoilingTrigger would show if it fired for rows that are copied.
const spoilingTrigger = "; CREATE TRIGGER spoil BEFORE INSERT ON big FOR EACH ROW WHEN (NEW.id < 1000000) EXECUTE FUNCTION spoil()"

var joinTables = []string{"app.types", "app.kinds_of_keys", "app.always", "app.fixed", "app.onlykey", "app.parts", `app."Mixed Case"`, "app.big", "app.child"}

// newcomer makes a region that no relay runs for yet, with empty tables.
func (b *bed) newcomer(t *testing.T, e pgtest.Engine, schema string) *region {
	t.Helper()
	id := len(b.regions) + 1
	r := &region{name: string(rune('a' + id - 1)), server: pgtest.Start(t, e)}
	r.server.Prepare(t, schema)
	dir := t.TempDir()
	config := configOf(r, id, filepath.Join(dir, "data"))
	for _, other := range b.regions {
		config.Peers = append(config.Peers, testenv.PeerConfig{Region: other.name, Address: other.relay.Addr(), User: "peer", Password: "secret"})
	}
	var err error
	if r.relay, err = testenv.NewRelay(testenv.RelayOptions{Binary: envtest.Octant(t), Dir: dir, Config: config}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.relay.Close() })
	return r
}

// expect has the other regions take a newcomer up as a peer.
func (b *bed) expect(t *testing.T, r *region) {
	t.Helper()
	for _, other := range b.regions {
		db, err := other.relay.Open("admin", "secret")
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if _, err := db.ExecContext(t.Context(), "CALL octant.add_peer('"+r.name+"', '"+r.relay.Addr()+"')"); err != nil {
			t.Fatal(err)
		}
	}
}

// join runs octant join and returns what it says.
func (r *region) join(ctx context.Context, t *testing.T, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(ctx, envtest.Octant(t), append([]string{"join", "--config", r.relay.ConfigFile()}, args...)...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// mustJoin runs octant join to its end.
func (r *region) mustJoin(t *testing.T, args ...string) {
	t.Helper()
	out, err := r.join(envtest.Context(t, 3*time.Minute), t, args...)
	if err != nil {
		t.Fatalf("octant join %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	t.Logf("%s", out)
}

// requireRefusal runs octant join, which must be refused with a word in its reason.
func (r *region) requireRefusal(t *testing.T, word string, args ...string) {
	t.Helper()
	if out, err := r.join(envtest.Context(t, time.Minute), t, args...); err == nil || !strings.Contains(out, word) {
		t.Errorf("octant join %s: %v, want a refusal that says %q\n%s", strings.Join(args, " "), err, word, out)
	}
}

// churn changes rows of app.big until ctx ends: updates, deletes and inserts, unique values that change hands, children that go with their parents.
func churn(ctx context.Context, t *testing.T, r *region, region, rows int) {
	conn := r.server.Connect(t, pgtest.Super, pgtest.Database)
	pace := time.NewTicker(30 * time.Millisecond)
	defer pace.Stop()
	for i := region; ctx.Err() == nil; i++ {
		<-pace.C
		id, other := 1+i*7919%rows, 1+i*104729%rows
		for _, s := range []string{
			fmt.Sprintf("UPDATE app.big SET v = 'from %s %d', n = n + 1 WHERE id = %d", r.name, i, id),
			fmt.Sprintf("BEGIN; DELETE FROM app.child WHERE parent = %d; DELETE FROM app.big WHERE id = %d; COMMIT", other, other),
			fmt.Sprintf("INSERT INTO app.big VALUES (%d, %d, 'back in %s', %d) ON CONFLICT DO NOTHING", other, -i*4-region, r.name, i),
			fmt.Sprintf("BEGIN; UPDATE app.big SET u = NULL WHERE id = %d; UPDATE app.big SET u = %d WHERE id = %d; COMMIT", id, id, other),
			fmt.Sprintf("UPDATE app.types SET t = '%s %d' WHERE id = %d", r.name, i, 101+i%70),
		} {
			if _, err := conn.PgConn().Exec(context.WithoutCancel(ctx), s).ReadAll(); err != nil {
				_, _ = conn.PgConn().Exec(context.WithoutCancel(ctx), "ROLLBACK").ReadAll() // a value was taken, or a lock not to be had
			}
		}
	}
}

// TestARegionJoinsWhileTheOthersWrite: d gets its rows from b. The join is killed three times on the way and b's relay once.
func TestARegionJoinsWhileTheOthersWrite(t *testing.T) {
	const rows = 20_000
	engines := pgtest.Engines()
	if len(engines) == 0 {
		t.Skip("no PostgreSQL is installed: run make engines")
	}
	b := start(t, joinSchema, byTurns(engines, 3)...)
	a, donor := b.regions[0].server, b.regions[1]
	a.Exec(t, typesRows)
	a.Exec(t, fmt.Sprintf("INSERT INTO app.big SELECT n, n, repeat(chr(65 + n %% 26), 150), 0 FROM generate_series(1, %d) n; "+
		"INSERT INTO app.child (parent) SELECT n FROM generate_series(1, %d, 100) n", rows, rows))
	b.awaitIdentical(t, time.Minute, joinTables...)

	d := b.newcomer(t, engines[len(engines)-1], "SELECT 1")
	d.requireRefusal(t, "add_peer", "--from", "b")
	b.expect(t, d)
	d.requireRefusal(t, "pg_dump --schema-only", "--from", "b")
	d.server.Exec(t, "SET ROLE octant; SET search_path = app; "+joinSchema+spoilingTrigger)

	writing, stop := context.WithCancel(envtest.Context(t, 3*time.Minute))
	defer stop()
	var writers sync.WaitGroup
	for i, r := range b.regions {
		writers.Go(func() { churn(writing, t, r, i, rows) })
	}
	for try := range 3 {
		b.joinUntil(t, d, 1+3000*try)
	}
	if err := donor.relay.Restart(); err != nil {
		t.Fatal(err)
	}
	if err := donor.relay.WaitReady(envtest.Context(t, time.Minute), ""); err != nil {
		t.Fatal(err)
	}
	d.mustJoin(t, "--from", "b")
	b.run(t, d)
	d.server.Exec(t, "SET search_path = app; INSERT INTO always (v) VALUES ('from d'); INSERT INTO big VALUES (1000001, 1000001, 'from d'); INSERT INTO child (parent) VALUES (1000001)")
	stop()
	writers.Wait()
	b.awaitIdentical(t, 3*time.Minute, joinTables...)
	if got := a.Query(t, "SELECT v FROM app.big WHERE id = 1000001"); !slices.Equal(got, []string{"from d"}) {
		t.Errorf("d's own row is %q in region a", got)
	}
	if got := a.Query(t, "SELECT count(*) FROM app.big WHERE v = 'spoilt'"); got[0] != "0" {
		t.Errorf("a trigger fired for %s rows that were copied", got[0])
	}
	t.Run("again", func(t *testing.T) { b.joinAgain(t, d) })
	t.Run("again, from an older dump", func(t *testing.T) { b.joinFromAnOlderDump(t, d) })
	t.Run("keeping", func(t *testing.T) { b.joinKeeping(t, d) })
}

// joinUntil has a region join, and kills that when so many rows of app.big are in.
func (b *bed) joinUntil(t *testing.T, d *region, rows int) {
	t.Helper()
	ctx, kill := context.WithCancel(envtest.Context(t, time.Minute))
	defer kill()
	var joining sync.WaitGroup
	joining.Go(func() {
		out, err := d.join(ctx, t, "--from", "b", "--rows", "5000")
		t.Logf("killed at %d rows: %v\n%s", rows, err, out)
		if err == nil || ctx.Err() == nil {
			t.Errorf("octant join ended before it was killed: %v\n%s", err, out)
		}
	})
	for ctx.Err() == nil && d.server.Query(t, fmt.Sprintf("SELECT count(*) >= %d FROM app.big", rows))[0] != "t" {
		b.pause()
	}
	kill()
	joining.Wait()
}

// run starts a newcomer's relay and waits until all regions hear each other.
func (b *bed) run(t *testing.T, r *region) {
	t.Helper()
	if err := r.relay.Start(); err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(b.regions, r) {
		b.regions = append(b.regions, r)
	}
	for _, r := range b.regions {
		if err := r.relay.WaitReady(envtest.Context(t, time.Minute), "peers=all"); err != nil {
			t.Fatalf("%v\n%s", err, r.relay.LogTail())
		}
	}
}

// joinAgain has region d lose the log of its relay, and its rows, and come back under its old id with a dump of a's tables.
func (b *bed) joinAgain(t *testing.T, d *region) {
	a := b.regions[0].server
	if err := d.relay.Kill(); err != nil {
		t.Fatal(err)
	}
	d.requireRefusal(t, "has joined", "--from", "a")
	if err := os.RemoveAll(filepath.Join(filepath.Dir(d.relay.ConfigFile()), "data")); err != nil {
		t.Fatal(err)
	}
	d.server.Exec(t, "DELETE FROM app.big WHERE id % 3 = 0; UPDATE app.big SET v = 'spoilt' WHERE id % 3 = 1")
	d.requireRefusal(t, "pg_drop_replication_slot", "--from", "a")
	deadline := time.Now().Add(time.Minute)
	for len(d.server.Query(t, "SELECT slot_name FROM pg_replication_slots WHERE active")) > 0 && time.Now().Before(deadline) {
		b.pause()
	}
	d.server.Exec(t, "SELECT pg_drop_replication_slot('octant_d')")
	d.requireRefusal(t, "DELETE FROM octant.applied", "--from", "a")
	d.server.Exec(t, "DELETE FROM octant.applied")
	d.requireRefusal(t, "--replace", "--from", "a")
	d.mustJoin(t, "--from", "a", "--prepare")
	a.Exec(t, "UPDATE app.big SET v = 'before the dump' WHERE id = 11")
	if err := copyByDump(t, a, d.server); err != nil {
		t.Fatal(err)
	}
	a.Exec(t, "UPDATE app.big SET v = 'after the dump' WHERE id = 12; DELETE FROM app.child WHERE parent = 101; DELETE FROM app.big WHERE id = 101")
	d.mustJoin(t, "--from", "a")
	b.run(t, d)
	d.server.Exec(t, "INSERT INTO app.always (v) VALUES ('from d again')")
	b.awaitIdentical(t, time.Minute, joinTables...)
	for _, r := range b.regions {
		if got := r.server.Query(t, "SELECT v FROM app.always WHERE v LIKE 'from d%' ORDER BY 1"); !slices.Equal(got, []string{"from d", "from d again"}) {
			t.Errorf("region %s has %q of region d", r.name, got)
		}
	}
}

// joinKeeping has region d lose the log of its relay while its database lives, in which two writes are that nobody else has got. It comes back with its rows, and tells of those that
// are not b's.
func (b *bed) joinKeeping(t *testing.T, d *region) {
	b.loseLog(t, d)
	d.server.Exec(t, "INSERT INTO app.big VALUES (2000000, NULL, 'never sent', 0); UPDATE app.big SET v = 'never sent' WHERE id = 12; DELETE FROM app.big WHERE id = 11")
	b.regions[1].server.Exec(t, "UPDATE app.big SET v = 'while d was away' WHERE id = 14")
	out, err := d.join(envtest.Context(t, 3*time.Minute), t, "--from", "b", "--keep")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{`app.big "2000000": deleted`, `app.big "12": written anew`, `app.big "14": written anew`} {
		if !strings.Contains(out, want) {
			t.Errorf("octant join does not say %q: %.2000s", want, out)
		}
	}
	if n := strings.Count(out, "written anew") + strings.Count(out, ": deleted"); n != 3 {
		t.Errorf("octant join names %d rows: %.2000s", n, out)
	}
	b.run(t, d)
	d.server.Exec(t, "INSERT INTO app.always (v) VALUES ('from d once more')")
	b.awaitIdentical(t, time.Minute, joinTables...)
}

// loseLog kills a region's relay and takes its log, and makes the database ready for another one.
func (b *bed) loseLog(t *testing.T, r *region) {
	t.Helper()
	if err := r.relay.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(filepath.Dir(r.relay.ConfigFile()), "data")); err != nil {
		t.Fatal(err)
	}
	b.until(t, "the slot to be free", func() bool {
		return len(r.server.Query(t, "SELECT slot_name FROM pg_replication_slots WHERE active")) == 0
	})
	r.server.Exec(t, "SELECT pg_drop_replication_slot('octant_"+r.name+"'); DELETE FROM octant.applied")
}

// joinFromAnOlderDump has region d begin with a dump of a's tables that was taken, and loaded, before anybody was told of it: all that is known is the LSN of its snapshot.
func (b *bed) joinFromAnOlderDump(t *testing.T, d *region) {
	a := b.regions[0].server
	b.loseLog(t, d)
	a.Exec(t, "UPDATE app.big SET v = 'before the dump' WHERE id = 21")
	at, snapshot, done := exportSnapshot(t, a)
	a.Exec(t, "UPDATE app.big SET v = 'after the snapshot' WHERE id = 22; DELETE FROM app.child WHERE parent = 201; DELETE FROM app.big WHERE id = 201")
	if err := copyByDump(t, a, d.server, "--snapshot="+snapshot); err != nil {
		t.Fatal(err)
	}
	done()
	if got := d.server.Query(t, "SELECT v FROM app.big WHERE id = 22"); slices.Equal(got, []string{"after the snapshot"}) {
		t.Fatal("the dump has what was written after its snapshot: nothing is left to be done again")
	}
	d.requireRefusal(t, "begins behind 0/1", "--from", "a", "--prepare", "--at", "0/1")
	d.mustJoin(t, "--from", "a", "--prepare", "--at", at)
	d.mustJoin(t, "--from", "a")
	b.run(t, d)
	b.awaitIdentical(t, time.Minute, joinTables...)
}

// exportSnapshot returns a snapshot that a dump can be taken of until done is called, and the LSN that it is of.
func exportSnapshot(t *testing.T, s *pgtest.Server) (lsn, snapshot string, done func()) {
	t.Helper()
	ctx := envtest.Context(t, time.Minute)
	conn, err := pgconn.Connect(ctx, s.URL(pgtest.Super, pgtest.Database)+"&replication=database")
	if err != nil {
		t.Fatal(err)
	}
	slot, err := pglogrepl.CreateReplicationSlot(ctx, conn, "copy", "pgoutput", pglogrepl.CreateReplicationSlotOptions{Temporary: true, SnapshotAction: "EXPORT_SNAPSHOT"})
	if err != nil {
		t.Fatal(err)
	}
	return slot.ConsistentPoint, slot.SnapshotName, func() { _ = conn.Close(ctx) }
}

// copyByDump copies the rows of schema app.
func copyByDump(t *testing.T, from, to *pgtest.Server, options ...string) error {
	t.Helper()
	to.Exec(t, "TRUNCATE "+strings.Join(joinTables, ", "))
	options = append(options, "--data-only", "--schema=app", "--disable-triggers", from.URL(pgtest.Super, pgtest.Database))
	dump := exec.CommandContext(envtest.Context(t, time.Minute), from.Engine.Tool("pg_dump"), options...)
	load := exec.CommandContext(envtest.Context(t, time.Minute), from.Engine.Tool("psql"), "-q", "-v", "ON_ERROR_STOP=1", to.URL(pgtest.Super, pgtest.Database))
	var out, complaints bytes.Buffer
	dump.Stdout, dump.Stderr = &out, &complaints
	load.Stdin, load.Stderr = &out, &complaints
	if err := errors.Join(dump.Run(), load.Run()); err != nil {
		return fmt.Errorf("copy by dump: %w: %s", err, complaints.String())
	}
	return nil
}
