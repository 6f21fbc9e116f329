package regions_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/octant-db/octant/testenv"
	"github.com/octant-db/octant/testenv/envtest"
)

func TestStockReplicasFollowARelayThatIsKilled(t *testing.T) {
	inMariaDBsWords(t)
	bed := smallBed(t, testenv.Options{Regions: 3, Schema: testenv.StormSchema})
	a := bed.Region("a")
	byGTID := envtest.Server(t, testenv.ServerOptions{ID: 101, Relaxed: true})
	byFile := envtest.Server(t, testenv.ServerOptions{ID: 102, Relaxed: true})
	source := testenv.Source{Addr: a.Relay.Addr(), User: testenv.PeerUser, Password: bed.Password}
	follow(t, byGTID, source)
	source.File, source.Position = "mariadb-bin.000001", 4
	follow(t, byFile, source)

	storm := testenv.NewStorm(bed.Sites(), testenv.StormOptions{Seed: 7, Keys: 30, Pause: 20 * time.Millisecond})
	ctx := envtest.Context(t, 16*time.Second)
	faults := make(chan error, 1)
	go func() { faults <- killAgainAndAgain(ctx, a, byGTID, byFile) }()
	storm.Run(ctx)
	if err := <-faults; err != nil {
		t.Fatal(err)
	}
	if err := bed.WaitReady(envtest.Context(t, soon)); err != nil {
		t.Fatal(err)
	}
	settleAll(t, bed)
	envtest.WaitQuiet(t, bed.Sites(), 2*time.Second, soon)
	for _, replica := range []*testenv.Server{byGTID, byFile} {
		if err := replica.WaitReplicated(envtest.Context(t, soon), a.Server); err != nil {
			t.Fatal(err)
		}
	}
	sites := []testenv.Site{a.Site(), {Name: "by GTID", DB: byGTID.DB()}, {Name: "by file", DB: byFile.DB()}}
	oracle := testenv.Oracle{Sites: sites, Databases: []string{"app", "octant", "fence"}, ShowValues: true}
	diff, err := oracle.Compare(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := diff.Err(); err != nil {
		t.Error(err)
	}
	if marks := rowsAt(t, a, "SELECT COUNT(*) FROM octant.applied"); marks == "0" {
		t.Error("there are no marks: nothing was compared in schema octant")
	}
	t.Logf("storm: %+v\n%s", storm.Total(), diff)
}

func follow(t *testing.T, replica *testenv.Server, source testenv.Source) {
	t.Helper()
	if err := replica.Follow(envtest.Context(t, soon), source); err != nil {
		t.Fatal(err)
	}
}

// killAgainAndAgain kills and restarts the region's relay every other second until ctx ends, and stops and starts the replicas
// in between.
func killAgainAndAgain(ctx context.Context, r *testenv.Region, replicas ...*testenv.Server) error {
	tick := time.NewTicker(2 * time.Second)
	defer tick.Stop()
	for i := 0; ; i++ {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
		replica := replicas[i%len(replicas)].DB()
		if _, err := replica.ExecContext(context.WithoutCancel(ctx), "STOP SLAVE"); err != nil {
			return fmt.Errorf("stop replica: %w", err)
		}
		if err := r.Relay.Restart(); err != nil {
			return err
		}
		if _, err := replica.ExecContext(context.WithoutCancel(ctx), "START SLAVE"); err != nil {
			return fmt.Errorf("start replica: %w", err)
		}
	}
}

// TestBinlogFilesComeThroughARelayByteForByte reads files that a region's own writes and other regions' writes have filled.
func TestBinlogFilesComeThroughARelayByteForByte(t *testing.T) {
	inMariaDBsWords(t)
	tool, err := exec.LookPath("mariadb-binlog")
	if err != nil {
		t.Skip("mariadb-binlog is not installed")
	}
	bed := smallBed(t, testenv.Options{Schema: testenv.StormSchema})
	a := bed.Region("a")
	for seed := range uint64(3) {
		testenv.NewStorm(bed.Sites(), testenv.StormOptions{Seed: seed, Keys: 30}).Run(envtest.Context(t, time.Second))
		run(t, a, "FLUSH BINARY LOGS")
		if err := a.Relay.Restart(); err != nil {
			t.Fatal(err)
		}
	}
	if err := bed.WaitReady(envtest.Context(t, soon)); err != nil {
		t.Fatal(err)
	}
	settleAll(t, bed)

	host, port, err := net.SplitHostPort(a.Relay.Addr())
	if err != nil {
		t.Fatal(err)
	}
	dir := envtest.Dir(t)
	out, err := exec.CommandContext(t.Context(), tool, "--no-defaults", "--read-from-remote-server", "--raw", "--to-last-log",
		"--host="+host, "--port="+port, "--user="+testenv.PeerUser, "--password="+bed.Password, "--result-file="+dir+"/",
		"mariadb-bin.000001").CombinedOutput()
	if err != nil {
		t.Fatalf("mariadb-binlog: %v\n%s", err, out)
	}
	files := strings.Split(rowsAt(t, a, "SHOW BINARY LOGS"), "; ")
	for _, line := range files[:len(files)-1] {
		name, _, _ := strings.Cut(line, " ")
		got, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile(a.Server.BinlogFile(name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes, which are not the server's %d", name, len(got), len(want))
		}
		t.Logf("%s: %d bytes", name, len(got))
	}
}
