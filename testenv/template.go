package testenv

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
)

// template returns a freshly initialised data directory that servers copy instead of each making one, which
// takes seconds. It is made once per user and engine version: under a lock, beside
// its place, and then renamed into it, so parallel test binaries see either nothing or all of it.
func (i installation) template(ctx context.Context) (string, error) {
	dir, err := cacheDir("engines", fmt.Sprintf("%s-%s", i.flavour.name(), i.version))
	if err != nil {
		return "", err
	}
	template := filepath.Join(dir, "template")
	lock, err := waitLock(ctx, filepath.Join(dir, "lock"))
	if err != nil {
		return "", err
	}
	defer lock.Close()
	if _, err := os.Stat(template); err == nil {
		return template, nil
	}
	return template, i.makeTemplate(ctx, template)
}

func (i installation) makeTemplate(ctx context.Context, template string) error {
	unfinished := template + ".unfinished"
	if err := os.RemoveAll(unfinished); err != nil {
		return fmt.Errorf("clear unfinished template: %w", err)
	}
	name, args := i.flavour.initialise(unfinished)
	program, err := i.Program(name)
	if err != nil {
		return err
	}
	args = append(append(i.common(), args...), i.storageSettings()...)
	out, err := exec.CommandContext(ctx, program, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("make template with %s: %w\n%s", name, err, out)
	}
	for _, file := range i.flavour.personal() {
		if err := os.Remove(filepath.Join(unfinished, file)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("make template: %w", err)
		}
	}
	if err := os.Rename(unfinished, template); err != nil {
		return fmt.Errorf("keep template: %w", err)
	}
	return nil
}

// copyTree copies the folder from to the new folder to, modes included. io.Copy between files uses
// copy_file_range, so file systems that can share the blocks instead of copying them.
func copyTree(ctx context.Context, from, to string) error {
	return filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("copy data directory: %w", err)
		}
		if err := context.Cause(ctx); err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return fmt.Errorf("copy data directory: %w", err)
		}
		return copyEntry(path, filepath.Join(to, rel), entry)
	})
}

func copyEntry(from, to string, entry fs.DirEntry) error {
	info, err := entry.Info()
	if err != nil {
		return fmt.Errorf("copy data directory: %w", err)
	}
	switch {
	case entry.IsDir():
		err = os.MkdirAll(to, info.Mode().Perm()|0o700)
	case info.Mode().IsRegular():
		err = copyFile(from, to, info.Mode().Perm())
	}
	if err != nil {
		return fmt.Errorf("copy data directory: %w", err)
	}
	return nil
}

func copyFile(from, to string, mode fs.FileMode) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	if _, err := io.Copy(target, source); err != nil {
		_ = target.Close()
		return err
	}
	return target.Close()
}
