package testenv

import (
	"context"
	"fmt"
	"os/exec"
)

// CopyByMydumper takes a dump of a MariaDB database with mydumper's four threads into dir, a folder that is not there yet, and loads it into another server
// with myloader's four.
func CopyByMydumper(ctx context.Context, from, to *Server, database, dir string) error {
	for _, step := range []struct {
		tool   string
		server *Server
		args   []string
	}{
		{"mydumper", from, []string{"--database=" + database, "--outputdir=" + dir, "--trx-consistency-only"}},
		{"myloader", to, []string{"--directory=" + dir, "--overwrite-tables", "--enable-binlog"}},
	} {
		args := append([]string{"--user=root", "--socket=" + step.server.Socket(), "--threads=4"}, step.args...)
		if text, err := exec.CommandContext(ctx, step.tool, args...).CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w: %s", step.tool, err, text)
		}
	}
	return nil
}
