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
	out, err := from.dump(ctx, database)
	if err != nil {
		return err
	}
	in, err := to.load(ctx)
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
	position := "--master-data=2"
	if from.Engine().IsMySQL() {
		position = "--source-data=2"
	}
	cmd, err := from.dump(ctx, database, position)
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
	cmd, err := to.load(ctx)
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

// dump is the program that writes a database's dump.
func (s *Server) dump(ctx context.Context, database string, options ...string) (*exec.Cmd, error) {
	program := "mariadb-dump"
	if s.Engine().IsMySQL() {
		program = "mysqldump"
		options = append(options, "--set-gtid-purged=OFF") // the server that it is loaded into has GTIDs of its own
	}
	return s.client(ctx, program, append(options, "--single-transaction", "--databases", database)...)
}

// load is the program that takes a dump.
func (s *Server) load(ctx context.Context) (*exec.Cmd, error) {
	if s.Engine().IsMySQL() {
		return s.client(ctx, "mysql")
	}
	return s.client(ctx, "mariadb")
}

// client is one of the engine's programs, as root.
func (s *Server) client(ctx context.Context, program string, args ...string) (*exec.Cmd, error) {
	path, err := s.Engine().Program(program)
	if err != nil {
		return nil, err
	}
	return exec.CommandContext(ctx, path, append([]string{"--no-defaults", "--user=root", "--socket=" + s.Socket()}, args...)...), nil
}
