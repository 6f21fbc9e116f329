package testenv

import (
	"context"
	"fmt"
	"os"
	"os/exec"
)

// CopyByBackup makes a MariaDB server the copy of another one that goes on running: all its files, taken by mariadb-backup into dir, a folder that is not there yet.
// Accounts, and what the other one remembers of itself, come along.
func CopyByBackup(ctx context.Context, from, to *Server, dir string) error {
	backup := func(args ...string) error {
		args = append([]string{"--no-defaults", "--target-dir=" + dir}, args...)
		if text, err := exec.CommandContext(ctx, "mariadb-backup", args...).CombinedOutput(); err != nil {
			return fmt.Errorf("mariadb-backup %s: %w: %s", args[2], err, text)
		}
		return nil
	}
	if err := backup("--backup", "--user=root", "--socket="+from.Socket(), "--datadir="+from.dataDir()); err != nil {
		return err
	}
	if err := backup("--prepare"); err != nil {
		return err
	}
	if err := to.Stop(ctx); err != nil {
		return err
	}
	if err := os.RemoveAll(to.dataDir()); err != nil {
		return fmt.Errorf("make room for a backup: %w", err)
	}
	if err := backup("--copy-back", "--datadir="+to.dataDir()); err != nil {
		return err
	}
	return to.Start(ctx)
}
