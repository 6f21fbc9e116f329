package segment_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/octant-db/octant/relaylog/segment"
)

// Keys are found however many there are and whenever somebody looks.
func TestKeysAreFoundWhileTheyGrow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var keys segment.Keys
		model := map[string]uint64{}
		number := uint64(0)
		for range rapid.IntRange(1, 6).Draw(t, "looks") {
			for range rapid.IntRange(0, 3000).Draw(t, "added") {
				number++
				k := fmt.Sprintf("%c%05d", 'f'+byte(number%2), number*7919%20_000)
				keys.Add(k, number)
				model[k] = number
			}
			prefix := rapid.SampledFrom([]string{"f", "g"}).Draw(t, "prefix")
			looked := fmt.Sprintf("%s%05d", prefix, rapid.IntRange(0, 20_000).Draw(t, "key"))
			want, known := floorOf(model, prefix, looked)
			if got, found := keys.Floor(prefix, looked); got != want || found != known {
				t.Fatalf("below %s: %d (%v), want %d (%v)", looked, got, found, want, known)
			}
		}
		names, numbers := keys.All()
		if !slices.Equal(names, slices.Sorted(maps.Keys(model))) {
			t.Fatalf("%d keys, want %d", len(names), len(model))
		}
		for i, name := range names {
			if numbers[i] != model[name] {
				t.Fatalf("%s leads to %d, want %d", name, numbers[i], model[name])
			}
		}
	})
}

func floorOf(model map[string]uint64, prefix, key string) (number uint64, found bool) {
	best := ""
	for k, n := range model {
		if strings.HasPrefix(k, prefix) && k <= key && (!found || k > best) {
			best, number, found = k, n, true
		}
	}
	return number, found
}
