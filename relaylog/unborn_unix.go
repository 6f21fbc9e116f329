//go:build unix

package relaylog

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// dropUnborn removes the files of a Badger store that were being made when their process was killed: a file is created
// first and given its length after, and Badger 4.9.6 refuses to open a store in which one has none. Nothing was ever in
// them. A store that another process has open, and may be making files in, is left to Badger, which says so.
func dropUnborn(dir string) error {
	lock, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer lock.Close()
	// The lock is the one that Badger itself takes on its directory.
	if syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil {
		return nil
	}
	for _, kind := range []string{"*.mem", "*.vlog"} {
		files, err := filepath.Glob(filepath.Join(dir, kind))
		for _, file := range files {
			err = errors.Join(err, dropIfEmpty(file))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func dropIfEmpty(file string) error {
	info, err := os.Stat(file)
	if errors.Is(err, fs.ErrNotExist) || err == nil && info.Size() > 0 {
		return nil
	}
	if err != nil {
		return err
	}
	return os.Remove(file)
}
