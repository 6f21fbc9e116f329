package durable_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/octant-db/octant/internal/durable"
)

func TestReplaceMakesAndReplaces(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	for _, content := range []string{"a longer first one", "second"} {
		if err := durable.Replace(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != content {
			t.Fatalf("the file has %q (%v), want %q", got, err, content)
		}
	}
}

func TestReplaceTakesNothingFromAnInterruptedOne(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path+".new", []byte("half of somet"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := durable.Replace(path, []byte("whole"), 0o600); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 || info.Size() != 5 {
		t.Errorf("the file has mode %v and %d bytes, want -rw------- and 5", info.Mode(), info.Size())
	}
}

func TestReplaceThatFailsLeavesTheFile(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "taken") // a folder with something in it cannot be renamed over
	if err := os.MkdirAll(filepath.Join(dir, "kept"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := durable.Replace(dir, []byte("text"), 0o600); err == nil {
		t.Fatal("a folder was replaced by a file")
	}
	if _, err := os.Stat(filepath.Join(dir, "kept")); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(dir + ".new"); !os.IsNotExist(err) {
		t.Errorf("the file that did not make it is left: %v", err)
	}
}

func TestReplaceInNoFolder(t *testing.T) {
	err := durable.Replace(filepath.Join(t.TempDir(), "no", "such", "folder"), nil, 0o600)
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want %v", err, fs.ErrNotExist)
	}
}
