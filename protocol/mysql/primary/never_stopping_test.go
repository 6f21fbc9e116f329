package primary_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"github.com/octant-db/octant/testenv"
	"github.com/octant-db/octant/testenv/envtest"
)

// A tool that never stops copies files while they are written: each one that has ended is the source's, byte for byte, over rotations that
// happened before it came and while it is there.
func TestNeverStoppingTools(t *testing.T) {
	envtest.EachEngine(t, func(t *testing.T, engine testenv.Engine) {
		source, s := startAnyBed(t, engine)
		name := "mariadb-binlog"
		if engine.IsMySQL() {
			name = "mysqlbinlog"
		}
		program, err := engine.Program(name)
		if err != nil {
			t.Fatal(err)
		}
		first, dir := currentFile(t, source), envtest.Dir(t)
		execute(t, source, "CREATE DATABASE app", "CREATE TABLE app.t (id INT PRIMARY KEY, v LONGBLOB)", "INSERT INTO app.t VALUES (1, 'a')",
			"FLUSH BINARY LOGS", "INSERT INTO app.t VALUES (2, 'b')")
		tool := exec.CommandContext(t.Context(), program, slices.Concat(neverStopping(engine), []string{
			"--host=127.0.0.1", fmt.Sprintf("--port=%d", s.port(t)), "--user=repl", "--password=" + password, "--raw", "--result-file=" + dir + "/", first})...)
		if err := tool.Start(); err != nil {
			t.Fatal(err)
		}
		waitFor(t, "the tool to read", func() (bool, error) { return len(s.Replicas()) == 1, nil })
		execute(t, source, "INSERT INTO app.t VALUES (3, REPEAT('c', 17000000))", "FLUSH BINARY LOGS",
			"XA START 'x'", "INSERT INTO app.t VALUES (4, 'd')", "XA END 'x'", "XA PREPARE 'x'", "XA COMMIT 'x'", "ALTER TABLE app.t ADD COLUMN w INT", "FLUSH BINARY LOGS",
			"INSERT INTO app.t VALUES (5, 'e', 1)")
		last := currentFile(t, source)
		waitFor(t, "the tool to reach "+last, func() (bool, error) {
			_, err := os.Stat(filepath.Join(dir, last))
			return err == nil, nil
		})
		if err := tool.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		_ = tool.Wait() // ended by the signal
		waitFor(t, "the dump to end", func() (bool, error) { return len(s.Replicas()) == 0, nil })
		stem := first[:len(first)-1]
		for i := 1; stem+fmt.Sprint(i) != last; i++ {
			file := stem + fmt.Sprint(i)
			compareFiles(t, filepath.Join(dir, file), source.BinlogFile(file), false)
		}
		if last != stem+"4" {
			t.Errorf("the source writes %s, want the fourth file", last)
		}
	})
}

func neverStopping(engine testenv.Engine) []string {
	if engine.IsMySQL() {
		return []string{"--no-defaults", "--get-server-public-key", "--read-from-remote-source=BINLOG-DUMP-NON-GTIDS", "--stop-never", "--connection-server-id=555"}
	}
	return []string{"--no-defaults", "--skip-ssl", "--read-from-remote-server", "--stop-never", "--stop-never-slave-server-id=555"}
}

// startAnyBed is a source and a relay of it.
func startAnyBed(t *testing.T, engine testenv.Engine) (*testenv.Server, *relayServer) {
	t.Helper()
	if engine.IsMySQL() {
		b := startMySQLBed(t, nil)
		return b.source, b.relayServer
	}
	b := startBedOf(t, engine, engines[engine])
	return b.source, b.relayServer
}
