package testenv

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
)

// CopyByDump loads a dump of a MariaDB database into another server while it is taken, as an operator would.
func CopyByDump(ctx context.Context, from, to *Server, database string) error {
	client := func(tool string, s *Server, args ...string) *exec.Cmd {
		return exec.CommandContext(ctx, tool, append([]string{"--no-defaults", "--user=root", "--socket=" + s.Socket()}, args...)...)
	}
	out, in := client("mariadb-dump", from, "--single-transaction", "--databases", database), client("mariadb", to)
	pipe, err := out.StdoutPipe()
	if err != nil {
		return fmt.Errorf("copy by dump: %w", err)
	}
	in.Stdin = pipe
	if err := out.Start(); err != nil {
		return fmt.Errorf("take the dump: %w", err)
	}
	text, err := in.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("load the dump: %w: %s", err, text)
	}
	if taken := out.Wait(); taken != nil {
		err = errors.Join(err, fmt.Errorf("take the dump: %w", taken))
	}
	return err
}
