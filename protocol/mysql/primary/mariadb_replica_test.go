package primary_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/octant-db/octant/testenv"
	"github.com/octant-db/octant/testenv/envtest"
)

// engines of MariaDB with the versions that they greet with.
var engines = map[testenv.Engine]string{testenv.MariaDB1011: "10.11.19-MariaDB-log", testenv.MariaDB118: "11.8.6-MariaDB-log"}

// Semi-synchronous replicas get the header that they expect, and what they acknowledge is shown; those that are not get none.
func TestMariaDBSemiSync(t *testing.T) {
	for engine, version := range engines {
		t.Run(engine.String(), func(t *testing.T) {
			b := startBedOf(t, engine, version)
			execute(t, b.source, "CREATE DATABASE app", "CREATE TABLE app.t (id INT PRIMARY KEY, v LONGBLOB)")
			r := envtest.Server(t, testenv.ServerOptions{ID: 40, Relaxed: true, Engine: engine})
			execute(t, r, "SET GLOBAL rpl_semi_sync_slave_enabled=1")
			follow(t, r, b.port(t), "repl", "MASTER_SSL=0, MASTER_USE_GTID=slave_pos")
			for i := range 5 {
				execute(t, b.source, fmt.Sprintf("INSERT INTO app.t VALUES (%d, 1)", i))
				waitLevel(t, b.source, r)
			}
			end := func(t testing.TB) (string, uint64) { return masterStatus(t, b.source) }
			waitAcknowledged(t, b.relayServer, end)
			execute(t, r, "STOP SLAVE", "START SLAVE") // with a KILL of the dump
			execute(t, b.source, "INSERT INTO app.t VALUES (90, REPEAT('x', 17000000))", "INSERT INTO app.t VALUES (91, 'y')")
			waitLevel(t, b.source, r)
			waitAcknowledged(t, b.relayServer, end)
			if got, want := contents(t, r), contents(t, b.source); got != want {
				t.Errorf("replica %s, source %s", got, want)
			}
		})
	}
}

// MariaDB 11.8 writes no positions into the events of a transaction. Its replicas follow all the same, and compressed events are passed on.
func TestMariaDB118Follows(t *testing.T) {
	b := startBedOf(t, testenv.MariaDB118, engines[testenv.MariaDB118])
	execute(t, b.source, "SET GLOBAL log_bin_compress=1")
	history(t, b.source)
	b.waitCaptured(t)
	hows := []string{"MASTER_USE_GTID=slave_pos", "MASTER_USE_GTID=no, MASTER_LOG_FILE='mariadb-bin.000001', MASTER_LOG_POS=4"}
	var replicas []*testenv.Server
	for i, how := range hows {
		r := envtest.Server(t, testenv.ServerOptions{ID: 20 + i, Relaxed: true, Engine: testenv.MariaDB118, Args: []string{"--slave-net-timeout=2", "--gtid-strict-mode=1"}})
		follow(t, r, b.port(t), "repl", "MASTER_SSL=0, "+how)
		replicas = append(replicas, r)
	}
	stop := load(t, b.source)
	for range 4 {
		for _, r := range replicas {
			waitRunning(t, r)
			execute(t, r, "STOP SLAVE", "START SLAVE")
		}
	}
	stop()
	want := contents(t, b.source)
	for i, r := range replicas {
		waitLevel(t, b.source, r)
		if got := contents(t, r); got != want {
			t.Errorf("%s: %s, want %s", hows[i], got, want)
		}
	}
	staysConnected(t, b, replicas)
}

// mariadb-binlog of 11.8 --raw writes the source's files.
func TestMariaDB118Raw(t *testing.T) {
	tool, err := testenv.MariaDB118.Program("mariadb-binlog")
	if err != nil {
		t.Fatal(err)
	}
	b := startBedOf(t, testenv.MariaDB118, engines[testenv.MariaDB118])
	history(t, b.source)
	b.waitCaptured(t)
	dir := envtest.Dir(t)
	out, err := exec.CommandContext(t.Context(), tool, "--no-defaults", "--host=127.0.0.1", fmt.Sprintf("--port=%d", b.port(t)), "--user=repl", "--password="+password,
		"--skip-ssl", "--read-from-remote-server", "--raw", "--to-last-log", "--result-file="+dir+"/", "mariadb-bin.000001").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for i := 1; i <= 2; i++ {
		name := fmt.Sprintf("mariadb-bin.%06d", i)
		got, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if want := sourceFile(t, b.source, name); !bytes.Equal(got, want) {
			t.Errorf("%s has %d bytes and differs from the server's, which has %d", name, len(got), len(want))
		}
	}
}
