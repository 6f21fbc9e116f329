package applier_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/octant-db/octant/applier"
	"github.com/octant-db/octant/conflict"
	"github.com/octant-db/octant/relay"
	"github.com/octant-db/octant/relaylog"
	"github.com/octant-db/octant/testenv/heap"
)

// TestLargeValuesOfConflicts notes 8,000 conflicts as fast as the disk takes them, each of two rows of 9 kB of words and numbers. The relay log that they go to merges its tables meanwhile, in memory. When
// conflicts were JSON, 900 to 1,000 MB of heap came together; compressed it is 140.
func TestLargeValuesOfConflicts(t *testing.T) {
	if peak := heapOfConflicts(t, 8000, prose); peak > 400<<20 {
		t.Errorf("the heap had up to %d MB", peak>>20)
	}
}

// BenchmarkConflictsOfLongRows reports the greatest heap for 20,000 conflicts of rows of 9 kB: of words and numbers, of random hexadecimal digits, and of one letter.
func BenchmarkConflictsOfLongRows(b *testing.B) {
	for _, c := range []struct {
		name string
		text func(*rand.Rand, int) string
	}{{"prose", prose}, {"hexadecimal", hexadecimal}, {"letter", letter}} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				b.ReportMetric(float64(heapOfConflicts(b, 20_000, c.text))/1e6, "heap-MB")
			}
		})
	}
}

// heapOfConflicts notes n conflicts, saves them as the keeper does, and returns how large the heap became.
func heapOfConflicts(t testing.TB, n int, text func(*rand.Rand, int) string) uint64 {
	t.Helper()
	db, err := relaylog.Open(t.TempDir(), relaylog.Options{MinFree: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	random := rand.New(rand.NewPCG(1, 2))
	var texts [64]string
	for i := range texts {
		texts[i] = text(random, 9000)
	}
	row := func(i int) conflict.Row {
		return conflict.Row{Table: tableOf("app.t"), Image: relay.Image(fmt.Sprintf("%d||%s", i, texts[random.IntN(len(texts))]))}
	}
	notes := applier.NewNotes(db, parseTable, func(_ *relay.Table, img relay.Image, _ bool) string { return `{"v":"` + string(img) + `"}` })
	peak := heap.Peak(t)
	for i := range n {
		notes.Note(&conflict.Conflict{
			Key: conflict.Key(fmt.Sprint("app.t ", i)), Kind: "update_origin_differs",
			Here:  conflict.Register{Version: relay.Version{HLC: relay.HLC(2*i + 1), Region: 1}, Row: row(i)},
			There: conflict.Register{Version: relay.Version{HLC: relay.HLC(2*i + 2), Region: 2}, Row: row(i)},
		})
		if err := notes.SaveIfFull(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	return peak()
}

var vocabulary = strings.Fields("order shipped to the customer in Zürich with two parcels of which one was lost on its way and paid for later by card or invoice largest smallest none")

// prose is a text of about n bytes that can be compressed as those of people can.
func prose(random *rand.Rand, n int) string {
	var b strings.Builder
	for b.Len() < n {
		fmt.Fprintf(&b, "%s %d ", vocabulary[random.IntN(len(vocabulary))], random.IntN(1e6))
	}
	return b.String()
}

func hexadecimal(random *rand.Rand, n int) string {
	var b strings.Builder
	for b.Len() < n {
		fmt.Fprintf(&b, "%016x", random.Uint64())
	}
	return b.String()
}

func letter(random *rand.Rand, n int) string {
	return strings.Repeat(string(rune('a'+random.IntN(26))), n)
}
