package segment_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/octant-db/octant/relaylog/segment"
)

// crashed returns a folder as a process leaves it that is killed after three frames, and where the last of them ends.
func crashed(t *testing.T, c *segment.Cipher) (dir string, end int64) {
	t.Helper()
	before := t.TempDir()
	s := openRoomy(t, before, c)
	for range 3 {
		appendOne(t, s)
	}
	dir, end = t.TempDir(), s.End().Offset
	if err := errors.Join(os.CopyFS(dir, os.DirFS(before)), s.Close()); err != nil {
		t.Fatal(err)
	}
	if size(t, before) != end {
		t.Errorf("the segment of a log that was closed has %d bytes, its last frame ends at %d", size(t, before), end)
	}
	if size(t, dir) <= end {
		t.Fatal("no room was made behind the last frame")
	}
	return dir, end
}

func openRoomy(t *testing.T, dir string, c *segment.Cipher) *segment.Set {
	t.Helper()
	s, err := segment.Open(dir, segment.Options{Sync: (*os.File).Sync, Describe: describe, Cipher: c})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func appendOne(t *testing.T, s *segment.Set) {
	t.Helper()
	var f segment.Frame
	f.Record(0, s.Group()+1, []byte(";0;value"), segment.Labels{})
	if _, err := s.Append(&f); err != nil {
		t.Fatal(err)
	}
}

func size(t *testing.T, dir string) int64 {
	t.Helper()
	info, err := os.Stat(filepath.Join(dir, firstSegment))
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// goOn appends behind what a crash left, and tells how many segments there are then.
func goOn(t *testing.T, dir string, c *segment.Cipher) (segments int) {
	t.Helper()
	s := openRoomy(t, dir, c)
	appendOne(t, s)
	items, err := s.Reader(0, 1).Batch(10)
	if err == nil && len(items) < 4 {
		var more []segment.Item
		more, err = s.Reader(0, uint64(len(items)+1)).Batch(10)
		items = append(items, more...)
	}
	if err := errors.Join(err, s.Close()); err != nil || len(items) != 4 {
		t.Fatalf("after the crash there are %d records, want 4: %v", len(items), err)
	}
	files, _ := filepath.Glob(filepath.Join(dir, "*.log"))
	return len(files)
}

// TestRoomAfterCrash: zeros behind the last frame are no torn end.
func TestRoomAfterCrash(t *testing.T) {
	cipher, err := segment.NewCipher(key('a'))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]*segment.Cipher{"in the clear": nil, "enciphered": cipher} {
		t.Run(name, func(t *testing.T) {
			dir, _ := crashed(t, c)
			if n := goOn(t, dir, c); n != 1 {
				t.Errorf("there are %d segments: what is only room was taken for a torn end", n)
			}
		})
	}
}

// TestTornFrameInRoom is never written over.
func TestTornFrameInRoom(t *testing.T) {
	dir, end := crashed(t, nil)
	f, err := os.OpenFile(filepath.Join(dir, firstSegment), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteAt([]byte{1}, end+100)
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	if n := goOn(t, dir, nil); n != 2 {
		t.Errorf("there are %d segments, want 2: something was written over a torn frame", n)
	}
	if size(t, dir) != end {
		t.Errorf("the first segment has %d bytes, want %d: the torn frame was not cut off", size(t, dir), end)
	}
}

// TestRoomKeepsToTheLimit: a segment has no more bytes for it, and a large frame has no room behind it.
func TestRoomKeepsToTheLimit(t *testing.T) {
	dir := t.TempDir()
	s, err := segment.Open(dir, segment.Options{Limit: 1000, Sync: (*os.File).Sync, Describe: describe})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close() //nolint:errcheck // nothing is lost
	appendOne(t, s)
	if n := size(t, dir); n != 1000 {
		t.Errorf("the segment has %d bytes, its limit is 1000", n)
	}
	large := t.TempDir()
	s = openRoomy(t, large, nil)
	defer s.Close() //nolint:errcheck // nothing is lost
	var f segment.Frame
	f.Record(0, 1, append([]byte(";0;"), make([]byte, 64<<10)...), segment.Labels{})
	if _, err := s.Append(&f); err != nil {
		t.Fatal(err)
	}
	if n := size(t, large); n != s.End().Offset {
		t.Errorf("there are %d bytes behind a large frame", n-s.End().Offset)
	}
}
