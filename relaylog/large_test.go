package relaylog_test

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/octant-db/octant/relay"
	"github.com/octant-db/octant/relaylog"
	"github.com/octant-db/octant/testenv/heap"
)

// TestLargeValuesOfTheStore writes 16,000 values of 14 kB, such as images of long rows, as fast as the disk takes them, while Badger merges its tables. With blocks of 4 KiB, which such a value makes grow
// twice, the heap comes to 700 to 850 MB, and otherwise to 450. How many tables are made at a time depends on the disk, so the least of three counts.
func TestLargeValuesOfTheStore(t *testing.T) {
	var peaks []uint64
	for range 3 {
		peak := heapOfLargeValues(t, 16_000, 14_000)
		if peak < 575<<20 {
			return
		}
		peaks = append(peaks, peak>>20)
	}
	t.Errorf("the heap had up to %d MB", peaks)
}

// heapOfLargeValues writes n values of random bytes and returns how large the heap became.
func heapOfLargeValues(t *testing.T, n, size int) uint64 {
	t.Helper()
	db := open(t, t.TempDir(), relaylog.Options{MinFree: -1})
	defer db.Close()
	random := rand.NewChaCha8([32]byte{})
	peak := heap.Peak(t)
	for i := 0; i < n; i += 32 {
		var pairs []relay.Pair
		for j := range 32 {
			value := make([]byte, size)
			random.Read(value)
			pairs = append(pairs, relay.Pair{Key: binary.BigEndian.AppendUint64([]byte("c"), uint64(i+j)), Value: value})
		}
		if err := db.Write(t.Context(), pairs); err != nil {
			t.Fatal(err)
		}
	}
	return peak()
}
