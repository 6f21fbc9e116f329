package segment_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/octant-db/octant/relaylog/segment"
)

func key(c byte) []byte { return bytes.Repeat([]byte{c}, 32) }

func open(t *testing.T, dir string, key []byte) (*segment.Set, error) {
	t.Helper()
	c, err := segment.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	return segment.Open(dir, segment.Options{Limit: 1000, Sync: (*os.File).Sync, Describe: describe, Cipher: c})
}

func appendSecrets(t *testing.T, s *segment.Set) {
	t.Helper()
	for n := range uint64(30) {
		var f segment.Frame
		f.Record(0, n+1, []byte("secret-key;0;a secret value"), segment.Labels{Keys: []string{"secret-key"}})
		f.Pair([]byte("secret fact"), []byte("secret value"))
		if _, err := s.Append(&f); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(s.Seal(), s.Close()); err != nil {
		t.Fatal(err)
	}
}

// TestEnciphered looks for what was written in the files, and opens them with wrong keys.
func TestEnciphered(t *testing.T) {
	dir := t.TempDir()
	s, err := open(t, dir, key('a'))
	if err != nil {
		t.Fatal(err)
	}
	appendSecrets(t, s)
	files, _ := filepath.Glob(filepath.Join(dir, "*"))
	if len(files) < 4 {
		t.Fatalf("there are only %v", files)
	}
	for _, name := range files {
		if b, err := os.ReadFile(name); err != nil || bytes.Contains(b, []byte("secret")) {
			t.Errorf("%s tells a secret (%v)", name, err)
		}
	}
	for name, wrong := range map[string][]byte{"another key": key('b'), "no key": nil} {
		if _, err := open(t, dir, wrong); !errors.Is(err, segment.ErrKey) {
			t.Errorf("%s gave %v", name, err)
		}
	}
	s, err = open(t, dir, key('a'))
	if err != nil || s.Group() != 30 {
		t.Fatalf("with the right key: %v", err)
	}
	s.Close()
}

func TestClearIsNotOpenedWithKey(t *testing.T) {
	dir := t.TempDir()
	s, err := open(t, dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	appendSecrets(t, s)
	if _, err := open(t, dir, key('a')); !errors.Is(err, segment.ErrKey) {
		t.Fatalf("a clear log was opened with a key: %v", err)
	}
	if _, err := segment.NewCipher([]byte("short")); err == nil {
		t.Fatal("a short key was taken")
	}
}

// TestDamageInTheMiddle is not mistaken for a torn end.
func TestDamageInTheMiddle(t *testing.T) {
	for name, harm := range map[string]func(path string) error{
		"a segment is missing": os.Remove,
		"a segment is cut":     func(path string) error { return os.Truncate(path, 300) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s, err := open(t, dir, nil)
			if err != nil {
				t.Fatal(err)
			}
			appendSecrets(t, s)
			files, _ := filepath.Glob(filepath.Join(dir, "*.log"))
			if err := harm(files[1]); err != nil {
				t.Fatal(err)
			}
			if s, err := open(t, dir, nil); err == nil {
				s.Close()
				t.Fatal("it was opened")
			}
		})
	}
}

// TestTornEnd goes on behind it in a new segment, so that nothing is ever written over.
func TestTornEnd(t *testing.T) {
	dir := t.TempDir()
	s, err := open(t, dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	appendSecrets(t, s)
	files, _ := filepath.Glob(filepath.Join(dir, "*.log"))
	last := files[len(files)-1]
	info, _ := os.Stat(last)
	if err := os.Truncate(last, info.Size()-1); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		s, err = open(t, dir, nil)
		if err != nil {
			t.Fatal(err)
		}
		group := s.Group()
		var f segment.Frame
		f.Record(0, group+1, []byte(";0;again"), segment.Labels{})
		if _, err := s.Append(&f); err != nil {
			t.Fatal(err)
		}
		items, err := s.Reader(0, group).Batch(2)
		if len(items) == 1 {
			items, err = s.Reader(0, group+1).Batch(1)
		}
		if err != nil || string(items[len(items)-1].Value) != ";0;again" {
			t.Fatalf("after the torn end: %v, %v", items, err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestFirstSegmentThatWasBeingMade opens what a process leaves that is killed while it makes its first segment.
func TestFirstSegmentThatWasBeingMade(t *testing.T) {
	whole := t.TempDir()
	s, err := open(t, whole, nil)
	if err := errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	head, err := os.ReadFile(filepath.Join(whole, firstSegment))
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{0, 1, len(head) - 1} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, firstSegment), head[:size], 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := open(t, dir, nil)
		if err != nil {
			t.Fatalf("with %d bytes of its head: %v", size, err)
		}
		appendSecrets(t, s)
	}
	dir := t.TempDir()
	head[0]++
	if err := os.WriteFile(filepath.Join(dir, firstSegment), head, 0o600); err != nil {
		t.Fatal(err)
	}
	if s, err := open(t, dir, nil); err == nil {
		s.Close()
		t.Error("a damaged head was taken for one that was being written")
	}
}

const firstSegment = "0000000000000001.log"
