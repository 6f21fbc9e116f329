package mixed_test

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/octant-db/octant/testenv"
	"github.com/octant-db/octant/testenv/envtest"
)

// large has a transaction of many rows interrupted in every way while the replicas read it.
func (a *audience) large(t *testing.T) {
	const rows, step = 12_000, 256 << 10
	for _, r := range a.replicas {
		r.line.Set(testenv.Stalled)
	}
	a.source.exec(t, fmt.Sprintf(`BEGIN; INSERT INTO app.accounts SELECT g, repeat(md5(g::text), 1), g, g %% 2 = 0, NULL, to_jsonb(md5(g::text)) FROM generate_series(1000, %d) g;
UPDATE app.accounts SET amount = amount / 2 WHERE id >= 1000; DELETE FROM app.accounts WHERE id >= 1000 AND id %% 3 = 0; COMMIT`, 1000+rows))
	a.source.exec(t, `INSERT INTO app.accounts VALUES (3, 'after', 0, false, NULL, NULL)`)
	for _, r := range a.replicas {
		r.pass(t, step)
		r.line.Reset()
		r.pass(t, step)
		a.source.restart(t)
		r.line.Set(testenv.Healthy)
	}
	a.awaitCount(t, "SELECT COUNT(*) FROM app.accounts")
	a.awaitShown(t, 2*time.Minute, accounts)
}

// awaitCount waits until a query has one answer everywhere. It is cheaper than to compare tables again and again.
func (a *audience) awaitCount(t *testing.T, query string) {
	t.Helper()
	want, err := a.source.rows(query)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range a.replicas {
		awaitTrue(t, 3*time.Minute, query+" at the "+r.name+" replica is "+*want[0][0], func() bool { return r.one(t, query) == *want[0][0] })
	}
}

// restart kills the relay with SIGKILL and starts it again.
func (r *region) restart(t testing.TB) {
	t.Helper()
	if err := r.relay.Restart(); err != nil {
		t.Fatal(err)
	}
	if err := r.relay.WaitReady(envtest.Context(t, time.Minute), ""); err != nil {
		t.Fatal(err)
	}
}

// pass lets so many bytes more over the replica's line, which stalls then: it is in the middle of something.
func (r *stock) pass(t testing.TB, bytes int64) {
	t.Helper()
	r.line.StallAfter(bytes)
	awaitTrue(t, time.Minute, "the "+r.name+" replica is in the middle", func() bool { return r.line.Condition() == testenv.Stalled })
}

// tools reads the log with the servers' own tools, twice, with a restart in between.
func (a *audience) tools(t *testing.T) {
	reads := func() [][]byte {
		return [][]byte{a.raw(t, testenv.MariaDB1011, "mariadb-binlog", "native"), a.raw(t, testenv.MySQL97, "mysqlbinlog", "sha2", "--ssl-mode=REQUIRED")}
	}
	before := reads()
	a.source.restart(t)
	for i, after := range reads() {
		if len(before[i]) < 10_000 || !bytes.HasPrefix(after, before[i]) {
			t.Errorf("%d bytes before the relay was killed are not the first of %d after", len(before[i]), len(after))
		}
	}
}

// raw reads the log's first file as a server would have it on disk, has the tool read that, and returns it.
func (a *audience) raw(t *testing.T, engine testenv.Engine, tool, user string, more ...string) []byte {
	t.Helper()
	program, err := engine.Program(tool)
	if err != nil {
		t.Fatal(err)
	}
	host, port, _ := net.SplitHostPort(a.source.relay.Addr())
	dir := envtest.Dir(t)
	const file = "octant-bin.000000000001"
	args := append([]string{
		"--no-defaults", "--read-from-remote-server", "--host=" + host, "--port=" + port, "--user=" + user, "--password=secret", "--raw", "--result-file=" + dir + "/",
	}, more...)
	if out, err := exec.CommandContext(t.Context(), program, append(args, file)...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", tool, err, out)
	}
	out, err := exec.CommandContext(t.Context(), program, "--no-defaults", "--verbose", "--base64-output=DECODE-ROWS", "--verify-binlog-checksum", filepath.Join(dir, file)).CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("UPDATE `app`.`everything`")) {
		t.Fatalf("%s: %v\n%.2000s", tool, err, out)
	}
	raw, err := os.ReadFile(filepath.Join(dir, file))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// files moves the replicas to file and position, at which they go on after the relay was killed, and back.
func (a *audience) files(t *testing.T) {
	for n, r := range a.replicas {
		ctx := envtest.Context(t, time.Minute)
		if err := r.server.StopFollowing(ctx); err != nil {
			t.Fatal(err)
		}
		source := r.source
		var err error
		if source.File, source.Position, err = r.server.Executed(ctx); err != nil {
			t.Fatal(err)
		}
		a.source.exec(t, fmt.Sprintf("INSERT INTO app.accounts VALUES (%d, 'by file', 0, false, NULL, NULL)", 10+n))
		a.source.restart(t)
		if err := r.server.Move(ctx, source); err != nil {
			t.Fatal(err)
		}
	}
	a.source.exec(t, "UPDATE app.accounts SET owner = owner || '.' WHERE id < 100")
	a.awaitCount(t, "SELECT COUNT(*) FROM app.accounts WHERE owner LIKE '%.'")
	for _, r := range a.replicas {
		if err := r.server.Move(envtest.Context(t, time.Minute), r.source); err != nil {
			t.Fatal(err)
		}
	}
	a.source.exec(t, "UPDATE app.accounts SET owner = owner || '-' WHERE id < 100")
	a.awaitCount(t, "SELECT COUNT(*) FROM app.accounts WHERE owner LIKE '%.-'")
	a.awaitShown(t, time.Minute, accounts)
}

// altered has a table get another column: the replicas stop until somebody has given it to theirs, also if the relay is killed meanwhile.
func (a *audience) altered(t *testing.T) {
	a.source.exec(t, "INSERT INTO app.narrow VALUES (7, 7, 'old')")
	a.awaitShown(t, time.Minute, narrow)
	a.source.exec(t, "ALTER TABLE app.narrow ADD COLUMN more integer")
	a.source.exec(t, "INSERT INTO app.narrow VALUES (8, 8, 'new', 80)")
	for _, r := range a.replicas {
		r.awaitStopped(t, "table app.narrow: its definition has changed")
	}
	a.source.restart(t)
	for _, r := range a.replicas {
		r.exec(t, "ALTER TABLE app.narrow ADD COLUMN more int NULL")
		if err := r.server.StartFollowing(envtest.Context(t, time.Minute)); err != nil {
			t.Fatal(err)
		}
	}
	a.source.exec(t, "UPDATE app.narrow SET more = 1 WHERE id = 7")
	a.awaitShown(t, time.Minute, widened())
}

// widened is the table as it is from then on.
func widened() *table {
	wider := *narrow
	wider.columns = append(slices.Clone(narrow.columns), column{"more", each("int"), ""})
	return &wider
}

// refusals are for replicas that cannot go on, with the servers' words. The last one is for good.
func (a *audience) refusals(t *testing.T) {
	t.Run("each", func(t *testing.T) {
		for _, r := range a.replicas {
			t.Run(r.name, func(t *testing.T) {
				t.Parallel() // the relay gives those some time who are ahead
				a.strangers(t, r)
			})
		}
	})
	for _, r := range a.replicas { // they have everything, and are told where that is
		source := r.source
		source.GTIDs = a.source.ask(t, "SELECT gtid_set FROM octant.replica_log WHERE flavour = '"+r.name+"'")
		if err := r.server.Follow(envtest.Context(t, time.Minute), source); err != nil {
			t.Fatal(err)
		}
	}
	a.source.exec(t, "INSERT INTO app.narrow (id, n, w) VALUES (5, 5, 'e')")
	a.awaitShown(t, time.Minute, narrow)
	for _, r := range a.replicas { // so that they read both at once
		if err := r.server.StopFollowing(envtest.Context(t, time.Minute)); err != nil {
			t.Fatal(err)
		}
	}
	a.source.exec(t, "INSERT INTO app.narrow (id, n, w) VALUES (6, 6, 'f')")
	a.source.exec(t, "INSERT INTO app.limited (id, day) VALUES (1, 'infinity')")
	for _, r := range a.replicas {
		if err := r.server.StartFollowing(envtest.Context(t, time.Minute)); err != nil {
			t.Fatal(err)
		}
		r.awaitStopped(t, "cannot be shown to a replica: table app.limited: column day: ")
	}
	a.awaitShown(t, time.Minute, narrow) // what came before the row is there
}

// strangers has a replica ask for what is not in the log.
func (a *audience) strangers(t *testing.T, r *stock) {
	t.Helper()
	refused := func(source testenv.Source, want string) {
		t.Helper()
		if err := r.server.Follow(envtest.Context(t, time.Minute), source); err != nil {
			t.Fatal(err)
		}
		r.awaitStopped(t, want)
	}
	at := a.source.ask(t, "SELECT gtid_set FROM octant.replica_log WHERE flavour = '"+r.name+"'")
	ahead, unknown, diverged := r.source, r.source, r.source
	unknown.File, unknown.Position = "octant-bin.000000999999", 4
	refused(unknown, "Could not find first log file name in binary log index file")
	if r.name == "mysql" {
		ahead.GTIDs = strings.Replace(at, ":1-", ":1-9", 1)
		refused(ahead, "Replica has more GTIDs than the source has")
		return
	}
	parts := strings.Split(at, "-")
	ahead.GTIDs = parts[0] + "-" + parts[1] + "-9" + parts[2]
	refused(ahead, "which is not in the master's binlog")
	diverged.GTIDs = parts[0] + "-1-" + parts[2]
	refused(diverged, "it probably means that the slave has diverged")
}

// awaitStopped waits until the replica has stopped to read with an error.
func (r *stock) awaitStopped(t testing.TB, want string) {
	t.Helper()
	text, number := "", 0
	awaitTrue(t, time.Minute, "the "+r.name+" replica stops with "+want+"\n"+r.state(t), func() bool {
		status, err := r.server.ReplicaStatus(envtest.Context(t, time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		text = status["Last_IO_Error"]
		number, _ = strconv.Atoi(status["Last_IO_Errno"])
		return strings.Contains(text, want)
	})
	if number != 1236 && number != 13114 {
		t.Errorf("error %d: %s", number, text)
	}
}
