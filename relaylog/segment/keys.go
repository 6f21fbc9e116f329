package segment

import (
	"cmp"
	"slices"
	"sort"
	"strings"
)

// keyPoint leads from a key to a record.
type keyPoint struct {
	key    string
	number uint64
}

// compareKeys sorts by key, and of equal keys the one that leads furthest first.
func compareKeys(a, b keyPoint) int {
	return cmp.Or(strings.Compare(a.key, b.key), cmp.Compare(b.number, a.number))
}

// keys finds the keys of a growing segment. They come in any order, and are sorted when somebody looks: as runs of which each is at least twice
// as long as the next, so that a key is moved a few times in all, however often somebody looks.
type keys struct {
	runs  [][]keyPoint
	fresh []keyPoint // not sorted yet
}

// keysUnsorted is how many keys are looked through one by one.
const keysUnsorted = 1024

func (k *keys) add(key string, number uint64) { k.fresh = append(k.fresh, keyPoint{key, number}) }

// settle makes looking for keys fast, when there are many new ones.
func (k *keys) settle() {
	if len(k.fresh) < keysUnsorted {
		return
	}
	run := sortKeys(k.fresh)
	k.fresh = nil
	for n := len(k.runs); n > 0 && len(k.runs[n-1]) < 2*len(run); n-- {
		run = mergeKeys(k.runs[n-1], run)
		k.runs = k.runs[:n-1]
	}
	k.runs = append(k.runs, run)
}

// all returns all keys, sorted, each once.
func (k *keys) all() []keyPoint {
	all := sortKeys(slices.Clone(k.fresh))
	for _, run := range slices.Backward(k.runs) {
		all = mergeKeys(run, all)
	}
	return all
}

// floor is floorKey for all keys.
func (k *keys) floor(prefix, key string, last uint64) (best keyPoint, found bool) {
	best, found = floorKey(k.fresh, prefix, key, last)
	for _, run := range k.runs {
		p, ok := floorSorted(run, prefix, key, last)
		if ok && (!found || p.key > best.key || p.key == best.key && p.number > best.number) {
			best, found = p, true
		}
	}
	return best, found
}

// sortKeys sorts in place; of equal keys it keeps the one that leads furthest.
func sortKeys(points []keyPoint) []keyPoint {
	slices.SortFunc(points, compareKeys)
	return slices.CompactFunc(points, func(a, b keyPoint) bool { return a.key == b.key })
}

// mergeKeys joins two sorted runs as sortKeys would.
func mergeKeys(a, b []keyPoint) []keyPoint {
	all := make([]keyPoint, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		switch c := strings.Compare(a[0].key, b[0].key); {
		case c < 0:
			all, a = append(all, a[0]), a[1:]
		case c > 0:
			all, b = append(all, b[0]), b[1:]
		default:
			all, a, b = append(all, keyPoint{a[0].key, max(a[0].number, b[0].number)}), a[1:], b[1:]
		}
	}
	return append(append(all, a...), b...)
}

// floorKey returns the greatest key that has the prefix and is not above key; of equal keys the one that leads furthest. Those that lead beyond last do
// not count.
func floorKey(points []keyPoint, prefix, key string, last uint64) (best keyPoint, found bool) {
	for _, k := range points {
		if k.number > last || k.key > key || !strings.HasPrefix(k.key, prefix) {
			continue
		}
		if !found || k.key > best.key || k.key == best.key && k.number > best.number {
			best, found = k, true
		}
	}
	return best, found
}

// floorSorted is floorKey for sorted keys.
func floorSorted(points []keyPoint, prefix, key string, last uint64) (best keyPoint, found bool) {
	i := sort.Search(len(points), func(i int) bool { return points[i].key > key })
	for i > 0 && points[i-1].number > last {
		i--
	}
	if i == 0 || !strings.HasPrefix(points[i-1].key, prefix) {
		return best, false
	}
	return points[i-1], true
}
