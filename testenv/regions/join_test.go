package regions_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/octant-db/octant/testenv"
	"github.com/octant-db/octant/testenv/envtest"
)

// joinSchema has a table with many rows, which change all the time and swap their unique values, and one of counters.
const joinSchema = testenv.StormSchema + testenv.CounterSchema + `
` + bigTable + `;
CREATE TABLE app.sums (id INT PRIMARY KEY, n INT NOT NULL);
`

const bigTable = "CREATE TABLE app.big (id INT PRIMARY KEY, u INT UNIQUE, v VARCHAR(200), n INT NOT NULL DEFAULT 0, INDEX (n))"

// stranger takes region c out of the cluster and leaves it with an empty server and without a log.
func stranger(t *testing.T, bed *testenv.Bed) {
	t.Helper()
	c := bed.Region("c")
	loseLog(t, bed, c)
	for _, r := range bed.Regions {
		if r != c {
			execAt(t, bed, r.Name, "CALL octant.remove_peer('c')")
		}
	}
	run(t, c, "SET SESSION sql_log_bin=0", "DROP DATABASE app", "DROP DATABASE IF EXISTS fence", "DELETE FROM octant.applied")
}

// expected has the other regions take c up as a peer.
func expected(t *testing.T, bed *testenv.Bed) {
	t.Helper()
	for _, r := range bed.Regions {
		if r.Name != "c" {
			execAt(t, bed, r.Name, "CALL octant.add_peer('c', '"+bed.Network.Link(r.Name, "c").Addr()+"')")
		}
	}
}

func execAt(t *testing.T, bed *testenv.Bed, relay, statement string) {
	t.Helper()
	if _, err := relaySQL(t, bed, relay).ExecContext(t.Context(), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// octantJoin runs octant join in a region and returns what it says.
func octantJoin(ctx context.Context, t *testing.T, bed *testenv.Bed, region string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(ctx, envtest.Octant(t), append([]string{"join", "--config", bed.Region(region).Relay.ConfigFile()}, args...)...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

const (
	digits     = "(SELECT 0 d UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9)"
	numbers    = "SELECT 1 + a.d + 10*b.d + 100*c.d + 1000*e.d + 10000*f.d AS n FROM " + digits + " a," + digits + " b," + digits + " c," + digits + " e," + digits + " f"
	rowsOfSums = "INSERT INTO app.sums SELECT n, 0 FROM (" + numbers + ") numbers WHERE n <= 20"
)

// rowsOfBig is the statement that puts the first rows into app.big, 100,000 at most.
func rowsOfBig(rows int) string {
	return fmt.Sprintf("INSERT INTO app.big SELECT n, n, REPEAT(CHAR(65 + n %% 26), 150), 0 FROM (%s) numbers WHERE n <= %d", numbers, rows)
}

// churn changes rows of app.big in a region until ctx ends: updates, deletes and inserts, and unique values that change hands. It adds to sums, and
// returns how much.
func churn(ctx context.Context, t *testing.T, r *testenv.Region, rows int) (added int) {
	t.Helper()
	pace := time.NewTicker(30 * time.Millisecond)
	defer pace.Stop()
	for i := r.ID; ctx.Err() == nil; i++ {
		<-pace.C
		id, other := 1+i*7919%rows, 1+i*104729%rows
		statements := []string{
			fmt.Sprintf("UPDATE app.big SET v = 'from %s %d', n = n + 1 WHERE id = %d", r.Name, i, id),
			fmt.Sprintf("DELETE FROM app.big WHERE id = %d", other),
			fmt.Sprintf("INSERT IGNORE INTO app.big VALUES (%d, %d, 'back in %s', %d)", other, -i*2-r.ID%2, r.Name, i),
			fmt.Sprintf("UPDATE app.big SET u = NULL WHERE id = %d", id),
			fmt.Sprintf("UPDATE IGNORE app.big SET u = %d WHERE id = %d", id, other),
			fmt.Sprintf("UPDATE app.sums SET n = n + 1 WHERE id = %d", 1+i%20),
		}
		for n, s := range statements {
			result, err := r.Server.DB().ExecContext(context.WithoutCancel(ctx), s)
			if err != nil {
				continue // a lock was not to be had
			}
			if n == len(statements)-1 {
				changed, _ := result.RowsAffected()
				added += int(changed)
			}
		}
	}
	return added
}

// TestARegionJoinsWhileTheOthersWrite: c gets its rows from b. The join is killed three times on the way and b's relay once.
func TestARegionJoinsWhileTheOthersWrite(t *testing.T) {
	const rows = 30_000
	bed := envtest.Start(t, testenv.Options{
		Regions: 3, Octant: envtest.Octant(t), Engine: envtest.Engine(t), Relaxed: true, Memory: true, Schema: joinSchema,
		Configure: func(c *testenv.RelayConfig) {
			c.Rules = []testenv.RuleConfig{{Tables: []string{"app.sums"}, Policy: "merge", Counters: []string{"n"}}}
		},
	})
	a, b, c := bed.Region("a"), bed.Region("b"), bed.Region("c")
	stranger(t, bed)
	run(t, c, "SET SESSION sql_log_bin=0", "CREATE DATABASE app", bigTable) // as a join leaves it that is killed while it makes the tables
	run(t, a, rowsOfBig(rows), rowsOfSums)
	waitRows(t, b.Server.DB(), "SELECT COUNT(*) FROM app.sums", "20")
	if out, err := octantJoin(t.Context(), t, bed, "c", "--from", "b"); err == nil || !strings.Contains(out, "add_peer") {
		t.Errorf("c joined without being known: %v\n%s", err, out)
	}
	expected(t, bed)

	writing, stop := context.WithTimeout(t.Context(), soon)
	defer stop()
	var writers sync.WaitGroup
	added := make([]int, 2)
	for i, r := range []*testenv.Region{a, b} {
		writers.Go(func() { added[i] = churn(writing, t, r, rows) })
	}
	for try := range 3 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(300+300*try)*time.Millisecond)
		out, err := octantJoin(ctx, t, bed, "c", "--from", "b", "--rows", "10000")
		cancel()
		t.Logf("try %d: %v\n%s", try, err, out)
		if err == nil {
			t.Error("the join was over before it could be killed")
		}
	}
	if err := b.Relay.Restart(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "b's relay to answer", func(ctx context.Context) (bool, string) {
		_, err := b.Relay.Get(ctx, "/healthz")
		return err == nil, fmt.Sprint(err)
	})
	out, err := octantJoin(t.Context(), t, bed, "c", "--from", "b")
	t.Logf("%s", out)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out, " rows/s") || strings.ContainsAny(out, "\r\x1b") {
		t.Error("how far it has come does not stand in plain lines")
	}
	if err := c.Relay.Start(); err != nil {
		t.Fatal(err)
	}
	if err := c.Relay.WaitReady(envtest.Context(t, settle), "peers=all"); err != nil { // applications stay away until then
		t.Fatal(err)
	}
	run(t, c, "INSERT INTO app.big VALUES (1000001, 1000001, 'from c', 0)", "UPDATE app.sums SET n = n + 1000 WHERE id = 7")
	stop()
	writers.Wait()
	if err := bed.WaitReady(envtest.Context(t, settle)); err != nil {
		t.Fatal(err)
	}
	oracle := testenv.Oracle{Sites: bed.Sites(), Databases: []string{"app"}, ShowValues: true}
	t.Logf("identical after %v", envtest.WaitIdentical(t, oracle, settle))
	envtest.WaitQuiet(t, bed.Sites(), 2*time.Second, settle)
	if got, want := rowsAt(t, c, "SELECT SUM(n) FROM app.sums"), fmt.Sprint(added[0]+added[1]+1000); got != want {
		t.Errorf("the sums are %s, want %s", got, want)
	}
	if got := rowsAt(t, a, "SELECT v FROM app.big WHERE id = 1000001"); got != "from c" {
		t.Errorf("c's own row is %q in a", got)
	}
	for _, r := range bed.Regions {
		requireHealthy(t, r)
	}
	if out, err := octantJoin(t.Context(), t, bed, "c", "--from", "b"); err == nil {
		t.Errorf("a running region joined again:\n%s", out)
	}
	t.Run("again", func(t *testing.T) { joinFromCopies(t, bed) })
	t.Run("keeping", func(t *testing.T) { joinKeeping(t, bed) })
}

// loseLog kills a region's relay and takes its log.
func loseLog(t *testing.T, bed *testenv.Bed, r *testenv.Region) {
	t.Helper()
	if err := r.Relay.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(bed.Dir, r.Name, "relay", "data")); err != nil {
		t.Fatal(err)
	}
}

// goesOn starts region c's relay once it has joined: what c writes to app.big and app.sums comes to a witness, and all are the same and healthy.
func goesOn(t *testing.T, bed *testenv.Bed, witness *testenv.Region, id, sum int, v string) {
	t.Helper()
	c := bed.Region("c")
	if err := c.Relay.Start(); err != nil {
		t.Fatal(err)
	}
	if err := bed.WaitReady(envtest.Context(t, soon)); err != nil {
		t.Fatal(err)
	}
	run(t, c, fmt.Sprintf("INSERT INTO app.big VALUES (%d, %d, '%s', 0)", id, id, v), fmt.Sprintf("UPDATE app.sums SET n = n + 1 WHERE id = %d", sum))
	waitRows(t, witness.Server.DB(), fmt.Sprintf("SELECT v FROM app.big WHERE id = %d", id), v)
	envtest.WaitIdentical(t, testenv.Oracle{Sites: bed.Sites(), Databases: []string{"app"}, ShowValues: true}, soon)
	for _, r := range bed.Regions {
		requireHealthy(t, r)
	}
}

// joinAgain has region c lose the log of its relay, and its rows, and come back under its old id with a copy of a's tables that is made while a and b are
// written to. What it had sent stays, and what it sends from now on is taken.
func joinAgain(t *testing.T, bed *testenv.Bed, n int, makeCopy copying) {
	a, b, c := bed.Region("a"), bed.Region("b"), bed.Region("c")
	loseLog(t, bed, c)
	run(t, c, "SET SESSION sql_log_bin=0", "DELETE FROM octant.applied", "DELETE FROM app.big WHERE id % 3 = 0", "UPDATE app.big SET v = 'spoilt' WHERE id % 3 = 1")
	if out, err := octantJoin(t.Context(), t, bed, "c", "--from", "a"); err == nil || !strings.Contains(out, "--replace") {
		t.Errorf("tables that have rows were filled: %v\n%s", err, out)
	}
	if out, err := octantJoin(t.Context(), t, bed, "c", "--from", "a", "--prepare"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	writing, stop := context.WithTimeout(t.Context(), soon)
	defer stop()
	var writers sync.WaitGroup
	for _, r := range []*testenv.Region{a, b} {
		writers.Go(func() { churn(writing, t, r, 30_000) })
	}
	run(t, a, "UPDATE app.big SET v = 'before the copy' WHERE id = 11")
	if err := makeCopy(envtest.Context(t, soon), a.Server, c.Server); err != nil {
		t.Fatal(err)
	}
	run(t, a, "UPDATE app.big SET v = 'after the copy' WHERE id = 12", "DELETE FROM app.big WHERE id = 13")
	run(t, b, "UPDATE app.sums SET n = n + 5 WHERE id = 3")
	if out, err := octantJoin(t.Context(), t, bed, "c", "--from", "a"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	stop()
	writers.Wait()
	goesOn(t, bed, a, 1000001+n, 3, fmt.Sprintf("from c again, %d", n))
}

// joinFromAnOlderDump has region c begin with a dump of a's tables that was taken, and loaded, before anybody was told of it: all that is known is the place that stands in the dump.
func joinFromAnOlderDump(t *testing.T, bed *testenv.Bed) {
	a, b, c := bed.Region("a"), bed.Region("b"), bed.Region("c")
	loseLog(t, bed, c)
	run(t, c, "SET SESSION sql_log_bin=0", "DELETE FROM octant.applied")
	writing, stop := context.WithTimeout(t.Context(), soon)
	defer stop()
	var writers sync.WaitGroup
	for _, r := range []*testenv.Region{a, b} {
		writers.Go(func() { churn(writing, t, r, 30_000) })
	}
	ctx, file := envtest.Context(t, soon), filepath.Join(t.TempDir(), "dump.sql")
	place, err := testenv.DumpWithPlace(ctx, a.Server, "app", file)
	if err == nil {
		err = testenv.LoadDump(ctx, c.Server, file)
	}
	if err != nil {
		t.Fatal(err)
	}
	run(t, a, "UPDATE app.big SET v = 'after the dump' WHERE id = 14", "DELETE FROM app.big WHERE id = 15")
	run(t, b, "UPDATE app.sums SET n = n + 5 WHERE id = 3")
	for _, wrong := range []string{"bin.999999:4", "nowhere"} {
		if out, err := octantJoin(ctx, t, bed, "c", "--from", "a", "--prepare", "--at", wrong); err == nil || !strings.Contains(out, "the copy that was made at "+wrong) {
			t.Errorf("a copy that was made at %s is taken: %v\n%s", wrong, err, out)
		}
	}
	if out, err := octantJoin(ctx, t, bed, "c", "--from", "a", "--prepare", "--at", place); err != nil {
		t.Fatalf("at %s: %v\n%s", place, err, out)
	}
	if out, err := octantJoin(ctx, t, bed, "c", "--from", "a", "--prepare", "--at", place); err == nil || !strings.Contains(out, "prepared before") {
		t.Errorf("it is prepared twice: %v\n%s", err, out)
	}
	if out, err := octantJoin(ctx, t, bed, "c", "--from", "a"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	stop()
	writers.Wait()
	goesOn(t, bed, a, 1000009, 3, "from an older dump")
}

// copying makes one server's tables those of another one.
type copying func(ctx context.Context, from, to *testenv.Server) error

func byDump(ctx context.Context, from, to *testenv.Server) error {
	return testenv.CopyByDump(ctx, from, to, "app")
}

func byMydumper(dir string) copying {
	return func(ctx context.Context, from, to *testenv.Server) error {
		return testenv.CopyByMydumper(ctx, from, to, "app", dir)
	}
}

func byBackup(dir string) copying {
	return func(ctx context.Context, from, to *testenv.Server) error {
		return testenv.CopyByBackup(ctx, from, to, dir)
	}
}

// joinFromCopies has region c begin with a copy that each of the tools has made.
func joinFromCopies(t *testing.T, bed *testenv.Bed) {
	t.Run("dump", func(t *testing.T) { joinAgain(t, bed, 1, byDump) })
	t.Run("older dump", func(t *testing.T) { joinFromAnOlderDump(t, bed) })
	for n, by := range []struct {
		tool string
		make func(dir string) copying
	}{{"mydumper", byMydumper}, {"mariadb-backup", byBackup}} {
		t.Run(by.tool, func(t *testing.T) {
			inMariaDBsWords(t)
			if _, err := exec.LookPath(by.tool); err != nil {
				t.Skip("SKIPPED: ", err)
			}
			joinAgain(t, bed, n+2, by.make(filepath.Join(t.TempDir(), "copy")))
		})
	}
}

// joinKeeping has region c lose the log of its relay while its database lives, in which two writes are that nobody else has got, and one that is in no log. It comes back with its rows and
// sends the two; only those rows are written that are not b's, and the one that was c's alone is told.
func joinKeeping(t *testing.T, bed *testenv.Bed) {
	inMariaDBsWords(t)
	b, c := bed.Region("b"), bed.Region("c")
	loseLog(t, bed, c)
	run(t, c, "INSERT INTO app.big VALUES (2000000, NULL, 'never sent', 0)", "UPDATE app.big SET v = 'never sent' WHERE id = 1000001")
	run(t, c, "SET SESSION sql_log_bin=0", "INSERT INTO app.big VALUES (2000001, NULL, 'in no log', 0)", "DELETE FROM app.big WHERE id IN (1000002)")
	run(t, b, "UPDATE app.big SET v = 'while c was away' WHERE id < 2000", "DELETE FROM app.big WHERE id BETWEEN 25000 AND 25009", "UPDATE app.sums SET n = n + 7 WHERE id = 4")
	written := "SELECT variable_value FROM information_schema.global_status WHERE variable_name = 'BINLOG_BYTES_WRITTEN'"
	before := rowsAt(t, c, written)
	out, ended := "", false
	for try := 1; !ended; try++ { // killed on the way, wherever that is
		killed, cancel := context.WithTimeout(t.Context(), time.Duration(try)*150*time.Millisecond)
		said, err := octantJoin(killed, t, bed, "c", "--from", "b", "--keep")
		ended = err == nil || strings.Contains(said, "the region has joined") // it was killed when it had done everything
		if !ended && killed.Err() == nil {
			t.Fatalf("%v\n%s", err, said)
		}
		cancel()
		out += said
	}
	for _, want := range []string{`app.big "2000001": deleted`, `: written anew`, `app.big "25003": deleted`} {
		if !strings.Contains(out, want) {
			t.Errorf("octant join does not say %q", want)
		}
	}
	for _, same := range []string{`app.big "20000": `, `app.big "2000000": `} {
		if strings.Contains(out, same) {
			t.Errorf("octant join names a row that is the same: %.2000s", out)
		}
	}
	waitRows(t, b.Server.DB(), "SELECT id FROM app.big WHERE v = 'never sent' ORDER BY id", "1000001; 2000000")
	if got := rowsAt(t, c, "SELECT ("+written+") - "+before+" < 2500000"); got != "1" { // all rows are twice as much
		t.Error("rows were written that stood there")
	}
	goesOn(t, bed, b, 1000010, 4, "from c once more")
}
