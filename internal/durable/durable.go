// Package durable writes files that are whole or not there, after any crash.
package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Replace makes content the file's, or leaves the file as it was. When it returns nil, the change is on disk.
func Replace(path string, content []byte, mode fs.FileMode) error {
	next := path + ".new"
	if err := remove(next); err != nil { // of one that was interrupted, with whatever mode
		return err
	}
	err := write(next, content, mode)
	if err == nil {
		err = os.Rename(next, path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("replace %s: %w", path, err), remove(next))
	}
	return Sync(filepath.Dir(path))
}

func write(path string, content []byte, mode fs.FileMode) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return errors.Join(err, f.Sync(), f.Close())
}

// remove removes a file that may be there.
func remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Sync makes durable what was written to a file, by whatever descriptor or mapping, or which files a folder has.
func Sync(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
