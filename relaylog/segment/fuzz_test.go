package segment_test

import (
	"bytes"
	"testing"

	"github.com/octant-db/octant/relaylog/segment"
)

// FuzzItem takes any bytes for items: they are taken apart or refused, and never lead beyond themselves.
func FuzzItem(f *testing.F) {
	var frame segment.Frame
	frame.Record(1, 2, []byte("value"), segment.Labels{})
	frame.Chunk(1, 3, 4, []byte("chunk"))
	frame.Pair([]byte("key"), nil)
	f.Add(frame.Sealed(7))
	f.Add([]byte{'r', 0})
	f.Add([]byte{'p', 255, 255, 255, 255, 255, 255, 255, 255})
	f.Fuzz(func(t *testing.T, b []byte) {
		segment.Whole(b)
		for len(b) > 0 {
			it, err := segment.ParseItem(b)
			if err != nil {
				return
			}
			if it.Size <= 0 || it.Size > int64(len(b)) {
				t.Fatalf("an item of %d bytes in %d", it.Size, len(b))
			}
			b = b[it.Size:]
		}
	})
}

// FuzzIndex takes any bytes for an index file.
func FuzzIndex(f *testing.F) {
	f.Add([]byte("OCTIDX02"))
	f.Add(make([]byte, 200))
	f.Fuzz(func(_ *testing.T, b []byte) { _ = segment.ReadIndex(bytes.NewReader(b)) })
}
