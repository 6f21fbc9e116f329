//go:build bench

package bench_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/octant-db/octant/internal/watch"
	"github.com/octant-db/octant/testenv"
	"github.com/octant-db/octant/testenv/envtest"
)

const password = "bench"

// serverArgs give all servers of a comparison room, the same for both sides. The backlog stays in one file.
var serverArgs = []string{
	"--innodb-buffer-pool-size=128M", "--innodb-log-file-size=96M", "--binlog-cache-size=1M", "--max-binlog-size=1G",
}

// station is a server, with a relay if it is given one, whose state can be saved and brought back.
type station struct {
	dir    string
	server *testenv.Server
	relay  *testenv.Relay
}

// newStation starts a server with the tables filled and an empty log file.
func newStation(t *testing.T, ctx context.Context, name string, id int) *station {
	t.Helper()
	s := &station{dir: filepath.Join(envtest.Dir(t), name)}
	s.server = envtest.Server(t, testenv.ServerOptions{
		Dir: s.serverDir(), ID: id, Regions: 2, Relaxed: true, Args: serverArgs,
	})
	account := fmt.Sprintf("'%s'@'%%'", testenv.DatabaseUser)
	text := fmt.Sprintf("CREATE USER %s IDENTIFIED BY '%s';", account, password)
	for _, grant := range testenv.Grants {
		text += grant + account + ";"
	}
	mustExec(t, ctx, s.server.DB(), text)
	fillTables(t, ctx, s.server.DB())
	mustExec(t, ctx, s.server.DB(), "FLUSH BINARY LOGS")
	return s
}

func (s *station) serverDir() string { return filepath.Join(s.dir, "db") }
func (s *station) relayDir() string  { return filepath.Join(s.dir, "relay") }
func (s *station) relayData() string { return filepath.Join(s.relayDir(), "data") }

// addRelay gives the station a relay with one peer; it does not start it.
func (s *station) addRelay(t *testing.T, binary, name string, listen *testenv.Port, peer string, peerAt *testenv.Port) {
	t.Helper()
	relay, err := testenv.NewRelay(testenv.RelayOptions{Binary: binary, Dir: s.relayDir(), Config: testenv.RelayConfig{
		Region: testenv.RegionConfig{Cluster: "bench", Name: name, ID: s.server.ID(), DataDir: s.relayData()},
		Database: testenv.DatabaseConfig{
			URL:      fmt.Sprintf("mariadb://%s@%s/", testenv.DatabaseUser, s.server.Addr()),
			Password: password, Include: []string{"bench.*"},
		},
		Listen: testenv.ListenConfig{MySQL: listen.Addr()},
		Users:  []testenv.UserConfig{{Name: testenv.PeerUser, Password: password, Roles: []string{"replicate"}}},
		Peers:  []testenv.PeerConfig{{Region: peer, Address: peerAt.Addr(), User: testenv.PeerUser, Password: password}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	s.relay = relay
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("log of relay %s ends:\n%s", name, relay.LogTail())
		}
		if err := relay.Close(); err != nil {
			t.Error(err)
		}
	})
}

// reservePort returns a port that belongs to the test.
func reservePort(t *testing.T) *testenv.Port {
	t.Helper()
	port, err := testenv.ReservePort()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = port.Release() })
	return port
}

// startRelay starts the relay and waits until it is ready; query is the bar.
func (s *station) startRelay(t *testing.T, ctx context.Context, query string) {
	t.Helper()
	if err := s.relay.Start(); err != nil {
		t.Fatal(err)
	}
	if err := s.relay.WaitReady(ctx, query); err != nil {
		t.Fatal(err)
	}
}

func (s *station) stopRelay(t *testing.T, ctx context.Context) {
	t.Helper()
	if err := s.relay.Stop(ctx); err != nil {
		t.Fatal(err)
	}
}

// saveServer stops the server, keeps a copy of its data and starts it again.
func (s *station) saveServer(t *testing.T, ctx context.Context) {
	t.Helper()
	s.swapServer(t, ctx, func(data string) { copyFolder(t, ctx, data, data+".saved") })
}

// restoreServer brings the saved data back.
func (s *station) restoreServer(t *testing.T, ctx context.Context) {
	t.Helper()
	s.swapServer(t, ctx, func(data string) { copyFolder(t, ctx, data+".saved", data) })
}

func (s *station) swapServer(t *testing.T, ctx context.Context, swap func(data string)) {
	t.Helper()
	if err := s.server.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	swap(filepath.Dir(s.server.BinlogFile("any")))
	if err := s.server.Start(ctx); err != nil {
		t.Fatal(err)
	}
}

// saveRelay keeps a copy of the data of the relay, which must not run.
func (s *station) saveRelay(t *testing.T, ctx context.Context) {
	copyFolder(t, ctx, s.relayData(), s.relayData()+".saved")
}

// restoreRelay brings the saved data back.
func (s *station) restoreRelay(t *testing.T, ctx context.Context) {
	copyFolder(t, ctx, s.relayData()+".saved", s.relayData())
}

// copyFolder makes a folder a copy of another one.
func copyFolder(t *testing.T, ctx context.Context, from, to string) {
	t.Helper()
	if err := os.RemoveAll(to); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(ctx, "cp", "-a", from, to).CombinedOutput(); err != nil {
		t.Fatalf("copy %s: %v: %s", from, err, out)
	}
}

// snapshot asks the relay what it shows of itself.
func snapshot(ctx context.Context, r *testenv.Relay) (s watch.Snapshot, err error) {
	body, err := r.Get(ctx, watch.Path)
	if err != nil {
		return s, err
	}
	return s, json.Unmarshal(body, &s)
}

// await asks again and again, without a long pause, until the answer is yes.
func await(t *testing.T, ctx context.Context, what string, done func() (bool, error)) {
	t.Helper()
	var last error
	for {
		ok, err := done()
		if ok {
			return
		}
		if err != nil {
			last = err
		}
		select {
		case <-time.After(25 * time.Millisecond):
		case <-ctx.Done():
			t.Fatalf("wait until %s: %v (last error: %v)", what, context.Cause(ctx), last)
		}
	}
}
