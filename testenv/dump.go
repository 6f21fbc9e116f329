package testenv

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
)

// CopyByDump loads a dump of a MariaDB or MySQL database into another server while it is taken, as an operator would.
func CopyByDump(ctx context.Context, from, to *Server, database string) error {
	dump, load := "mariadb-dump", "mariadb"
	args := []string{"--single-transaction", "--databases", database}
	if from.Engine().IsMySQL() {
		dump, load = "mysqldump", "mysql"
		args = append([]string{"--set-gtid-purged=OFF"}, args...) // the other server has GTIDs of its own
	}
	out, err := from.client(ctx, dump, args...)
	if err != nil {
		return err
	}
	in, err := to.client(ctx, load)
	if err != nil {
		return err
	}
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

// client is one of the engine's programs, as root.
func (s *Server) client(ctx context.Context, program string, args ...string) (*exec.Cmd, error) {
	path, err := s.Engine().Program(program)
	if err != nil {
		return nil, err
	}
	return exec.CommandContext(ctx, path, append([]string{"--no-defaults", "--user=root", "--socket=" + s.Socket()}, args...)...), nil
}
