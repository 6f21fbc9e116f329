package primary_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/octant-db/octant/testenv/envtest"
)

func TestFilesAreByteIdentical(t *testing.T) {
	b := startBed(t)
	history(t, b.source)
	b.waitCaptured(t)

	dir := envtest.Dir(t)
	if out, err := binlogTool(t, b, dir, "--to-last-log").CombinedOutput(); err != nil {
		t.Fatalf("mariadb-binlog: %v\n%s", err, out)
	}
	last, _ := masterStatus(t, b.source)
	for i := 1; i <= 3; i++ {
		name := fmt.Sprintf("mariadb-bin.%06d", i)
		compareFiles(t, filepath.Join(dir, name), b.source.BinlogFile(name), name == last)
	}
}

// compareFiles compares a file with the server's own. The one that the server still writes has a flag that says so, which
// is not sent.
func compareFiles(t *testing.T, got, want string, open bool) {
	t.Helper()
	g, err := os.ReadFile(got)
	if err != nil {
		t.Fatal(err)
	}
	w, err := os.ReadFile(want)
	if err != nil {
		t.Fatal(err)
	}
	if flags := 4 + 17; open && len(w) > flags {
		w[flags] &^= 1
	}
	if !bytes.Equal(g, w) {
		t.Errorf("%s has %d bytes and differs from the server's, which has %d", filepath.Base(want), len(g), len(w))
	}
}

func binlogTool(t *testing.T, b *bed, dir string, more ...string) *exec.Cmd {
	t.Helper()
	tool, err := exec.LookPath("mariadb-binlog")
	if err != nil {
		t.Skip("mariadb-binlog is not installed")
	}
	args := append([]string{
		"--no-defaults", "--read-from-remote-server", "--host=127.0.0.1", fmt.Sprintf("--port=%d", b.port(t)),
		"--user=repl", "--password=" + password, "--raw", "--result-file=" + dir + "/",
	}, more...)
	return exec.CommandContext(t.Context(), tool, append(args, "mariadb-bin.000001")...)
}

func run(t *testing.T, b *bed, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if _, err := b.source.DB().ExecContext(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
}

// fileBytes returns a server's open file as it is sent: without its first four bytes and the flag that says that it is open.
func fileBytes(t *testing.T, file string) []byte {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	b = b[4:]
	b[17] &^= 1
	return b
}
