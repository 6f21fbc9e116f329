package testenv

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
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

// DumpWithPlace writes a dump of a MariaDB or MySQL database to a file, and returns where in the server's binary log it was taken, as FILE:OFFSET.
func DumpWithPlace(ctx context.Context, from *Server, database, file string) (place string, err error) {
	dump, args := "mariadb-dump", []string{"--master-data=2"}
	if from.Engine().IsMySQL() {
		dump, args = "mysqldump", []string{"--source-data=2", "--set-gtid-purged=OFF"}
	}
	cmd, err := from.client(ctx, dump, append(args, "--single-transaction", "--databases", database)...)
	if err != nil {
		return "", err
	}
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("take the dump: %w", err)
	}
	found := dumpPlace.FindSubmatch(out)
	if found == nil {
		return "", errors.New("take the dump: it does not say where")
	}
	return string(found[1]) + ":" + string(found[2]), os.WriteFile(file, out, 0o600)
}

var dumpPlace = regexp.MustCompile(`(?:MASTER|SOURCE)_LOG_FILE='([^']+)', (?:MASTER|SOURCE)_LOG_POS=(\d+)`)

// LoadDump loads what DumpWithPlace wrote.
func LoadDump(ctx context.Context, to *Server, file string) error {
	load := "mariadb"
	if to.Engine().IsMySQL() {
		load = "mysql"
	}
	cmd, err := to.client(ctx, load)
	if err != nil {
		return err
	}
	in, err := os.Open(file)
	if err != nil {
		return fmt.Errorf("load the dump: %w", err)
	}
	defer in.Close()
	cmd.Stdin = in
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("load the dump: %w: %s", err, text)
	}
	return nil
}

// client is one of the engine's programs, as root.
func (s *Server) client(ctx context.Context, program string, args ...string) (*exec.Cmd, error) {
	path, err := s.Engine().Program(program)
	if err != nil {
		return nil, err
	}
	return exec.CommandContext(ctx, path, append([]string{"--no-defaults", "--user=root", "--socket=" + s.Socket()}, args...)...), nil
}
