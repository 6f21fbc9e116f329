package primary_test

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

	"github.com/octant-db/octant/protocol/mysql/primary"
	"github.com/octant-db/octant/testenv"
	"github.com/octant-db/octant/testenv/envtest"
)

// followMySQL has a stock MySQL follow the relay. how are further options of CHANGE REPLICATION SOURCE TO.
func followMySQL(t testing.TB, r *testenv.Server, port int, how string) {
	t.Helper()
	execute(t, r, fmt.Sprintf("CHANGE REPLICATION SOURCE TO SOURCE_HOST='127.0.0.1', SOURCE_PORT=%d, SOURCE_USER='repl', SOURCE_PASSWORD='%s', SOURCE_CONNECT_RETRY=1, SOURCE_RETRY_COUNT=100, SOURCE_HEARTBEAT_PERIOD=0.5, %s",
		port, password, how), "START REPLICA")
}

const (
	autoPosition = "SOURCE_AUTO_POSITION=1"
	overRSA      = ", SOURCE_SSL=0, GET_SOURCE_PUBLIC_KEY=1"
	overTLS      = ", SOURCE_SSL=1"
)

// waitMySQLLevel waits until the replica has executed what the source has.
func waitMySQLLevel(t testing.TB, source, replica *testenv.Server) {
	t.Helper()
	if err := replica.WaitReplicated(envtest.Context(t, time.Minute), source); err != nil {
		t.Fatal(err)
	}
}

func startMySQLReplica(t testing.TB, id int) *testenv.Server {
	t.Helper()
	r := envtest.Server(t, testenv.ServerOptions{ID: id, Relaxed: true, Engine: testenv.MySQL97})
	execute(t, r, "RESET BINARY LOGS AND GTIDS")
	return r
}

// A stock MySQL replica follows the relay while the source is written to, goes over to the source and comes back, by GTID over TLS and by
// file and position with an RSA login.
func TestMySQLReplicaFollows(t *testing.T) {
	certificates, err := primary.TLSConfig(primary.Certificates{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	b := startMySQLBed(t, func(c *primary.Config) { c.TLS = certificates })
	mysqlHistory(t, b.source)
	file, _ := b.end(t)
	modes := []struct{ name, first, again string }{
		{"gtid over TLS", autoPosition + overTLS, "SOURCE_PORT=%d"},
		{"file and position over RSA", "SOURCE_AUTO_POSITION=0, SOURCE_LOG_FILE='" + strings.TrimSuffix(file, "3") + "1', SOURCE_LOG_POS=4" + overRSA, "SOURCE_PORT=%d, SOURCE_LOG_FILE='%s', SOURCE_LOG_POS=%s"},
	}
	for i, mode := range modes {
		t.Run(mode.name, func(t *testing.T) {
			r := startMySQLReplica(t, 30+i)
			followMySQL(t, r, b.port(t), mode.first)
			stop := loadMySQL(t, b.source)
			for _, port := range []int{sourcePort(t, b.source), b.port(t)} {
				execute(t, r, "STOP REPLICA")
				status, err := r.ReplicaStatus(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				args := []any{port, status["Relay_Source_Log_File"], status["Exec_Source_Log_Pos"]}
				user := "repl', SOURCE_PASSWORD='" + password
				if port != b.port(t) {
					user = "raw', SOURCE_PASSWORD='"
				}
				change := fmt.Sprintf(mode.again, args[:strings.Count(mode.again, "%")]...)
				execute(t, r, "CHANGE REPLICATION SOURCE TO SOURCE_HOST='127.0.0.1', SOURCE_USER='"+user+"', "+change, "START REPLICA")
				execute(t, b.source, "FLUSH BINARY LOGS")
			}
			stop()
			waitMySQLLevel(t, b.source, r)
			if got, want := contents(t, r), contents(t, b.source); got != want {
				t.Errorf("replica %s, source %s", got, want)
			}
		})
	}
}

func sourcePort(t testing.TB, s *testenv.Server) int {
	t.Helper()
	_, port, _ := strings.Cut(s.Addr(), ":")
	var n int
	if _, err := fmt.Sscan(port, &n); err != nil {
		t.Fatal(err)
	}
	return n
}

// loadMySQL writes until stop is called.
func loadMySQL(t testing.TB, s *testenv.Server) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var writer sync.WaitGroup
	writer.Go(func() {
		for i := 0; ctx.Err() == nil; i++ {
			statement := fmt.Sprintf("INSERT INTO app.t (v) VALUES (REPEAT('%c', %d))", 'a'+i%26, 1+i*37%3000)
			if i%100 == 50 {
				statement = "FLUSH BINARY LOGS"
			}
			if _, err := s.DB().ExecContext(context.WithoutCancel(ctx), statement); err != nil {
				t.Error(err)
				return
			}
		}
	})
	return func() {
		cancel()
		writer.Wait()
	}
}

// The operator of a real replica reads the refusal, in the words that the source itself has for it.
func TestMySQLReplicaShowsRefusal(t *testing.T) {
	b := startMySQLBed(t, nil)
	mysqlHistory(t, b.source)
	b.waitCaptured(t)
	file, _ := b.end(t)
	r := startMySQLReplica(t, 45)
	for _, test := range []struct{ name, holds, how, text string }{
		{"ahead", b.uuid + ":1-9999", autoPosition, "Replica has more GTIDs than the source has"},
		{"unknown file", "", "SOURCE_AUTO_POSITION=0, SOURCE_LOG_FILE='nope.000001', SOURCE_LOG_POS=4", "Could not find first log file name"},
		{"past the end", "", "SOURCE_AUTO_POSITION=0, SOURCE_LOG_FILE='" + file + "', SOURCE_LOG_POS=99999999", "position > file size"},
	} {
		t.Run(test.name, func(t *testing.T) {
			said := func(port int, user string) (text string) {
				execute(t, r, "RESET BINARY LOGS AND GTIDS", "SET GLOBAL gtid_purged='"+test.holds+"'")
				followMySQL(t, r, port, user+test.how+overRSA)
				waitFor(t, "refusal", func() (bool, error) {
					status, err := r.ReplicaStatus(t.Context())
					text = status["Last_IO_Error"]
					return status["Last_IO_Errno"] == "13114" && status["Replica_IO_Running"] == "No", err
				})
				execute(t, r, "STOP REPLICA", "RESET REPLICA ALL")
				return text
			}
			got, want := said(b.port(t), ""), said(sourcePort(t, b.source), "SOURCE_USER='raw', SOURCE_PASSWORD='', ")
			if got != want || !strings.Contains(got, test.text) {
				t.Errorf("the relay has it say\n%s\nand the source\n%s", got, want)
			}
		})
	}
}

// A semi-synchronous replica gets the header that it expects, and what it acknowledges is shown.
func TestMySQLSemiSync(t *testing.T) {
	b := startMySQLBed(t, nil)
	execute(t, b.source, "CREATE DATABASE app", "CREATE TABLE app.t (id INT PRIMARY KEY, v INT)")
	r := startMySQLReplica(t, 40)
	execute(t, r, "INSTALL PLUGIN rpl_semi_sync_replica SONAME 'semisync_replica.so'", "SET GLOBAL rpl_semi_sync_replica_enabled=1")
	followMySQL(t, r, b.port(t), autoPosition+overRSA)
	for i := range 5 {
		execute(t, b.source, fmt.Sprintf("INSERT INTO app.t VALUES (%d, 1)", i))
		waitMySQLLevel(t, b.source, r)
	}
	waitAcknowledged(t, b.relayServer, b.end)
	execute(t, r, "STOP REPLICA", "START REPLICA")
	execute(t, b.source, "INSERT INTO app.t VALUES (99, 1)")
	waitMySQLLevel(t, b.source, r)
	waitAcknowledged(t, b.relayServer, b.end)
}

// waitAcknowledged waits until a replica has acknowledged everything up to the end.
func waitAcknowledged(t *testing.T, s *relayServer, end func(testing.TB) (string, uint64)) {
	t.Helper()
	file, offset := end(t)
	waitFor(t, "acknowledgement", func() (bool, error) {
		for _, c := range s.Connections() {
			if c.AckFile == file && c.AckPosition == offset {
				shown := s.Replicas()
				return len(shown) == 1 && shown[0].AckFile == file && shown[0].AckPosition == offset, nil
			}
		}
		return false, nil
	})
}

// What mysqlbinlog --raw writes is what the source has in its files, by file and by GTID.
func TestMySQLBinlogRaw(t *testing.T) {
	tool, err := testenv.MySQL97.Program("mysqlbinlog")
	if err != nil {
		t.Fatal(err)
	}
	b := startMySQLBed(t, nil)
	mysqlHistory(t, b.source)
	execute(t, b.source, "FLUSH BINARY LOGS")
	b.waitCaptured(t)
	file, _ := b.end(t)
	first := strings.TrimSuffix(file, "4") + "1"
	for _, how := range []string{"BINLOG-DUMP-NON-GTIDS", "BINLOG-DUMP-GTIDS"} {
		dir := t.TempDir() + "/"
		out, err := exec.CommandContext(t.Context(), tool, "--no-defaults", "--host=127.0.0.1", fmt.Sprintf("--port=%d", b.port(t)), "--user=repl", "--password="+password,
			"--get-server-public-key", "--read-from-remote-source="+how, "--raw", "--to-last-log", "--result-file="+dir, first).CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", how, err, out)
		}
		for i := '1'; i <= '3'; i++ {
			name := strings.TrimSuffix(file, "4") + string(i)
			got, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				t.Fatalf("%s: %v\n%s", how, err, out)
			}
			if want := sourceFile(t, b.source, name); string(got) != string(want) {
				t.Errorf("%s: %s differs from the source's: %d bytes and %d", how, name, len(got), len(want))
			}
		}
	}
}

// sourceFile reads one of the server's own log files.
func sourceFile(t testing.TB, s *testenv.Server, name string) []byte {
	t.Helper()
	var dir string
	if err := s.DB().QueryRowContext(t.Context(), "SELECT @@datadir").Scan(&dir); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}
