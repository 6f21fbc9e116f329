package testenv

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// cacheDir returns the folder sub of this user's Octant cache and makes it where it is missing. Where the
// user has no home it lies in the temporary folder.
func cacheDir(sub ...string) (string, error) {
	base, err := os.UserCacheDir()
	if err != nil {
		base = filepath.Join(os.TempDir(), "octant-cache-"+strconv.Itoa(os.Getuid()))
	}
	dir := filepath.Join(append([]string{base, "octant"}, sub...)...)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("make cache folder: %w", err)
	}
	return dir, nil
}

// tryLock takes the advisory lock of the file at path and returns the open file that holds it, or nil when
// another holder has it. The kernel drops the lock when the file is closed or its process ends, so a killed
// test leaves nothing behind; the file itself stays.
func tryLock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open lock file: %w", err)
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		return f, nil
	}
	_ = f.Close()
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, nil
	}
	return nil, fmt.Errorf("lock %s: %w", path, err)
}

// waitLock takes the lock of path as soon as it is free.
func waitLock(ctx context.Context, path string) (*os.File, error) {
	var held *os.File
	err := poll(ctx, 20*time.Millisecond, func() (bool, error) {
		f, err := tryLock(path)
		held = f
		return f != nil, err
	})
	if err != nil {
		return nil, fmt.Errorf("wait for lock: %w", err)
	}
	return held, nil
}
