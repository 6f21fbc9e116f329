package segment

import (
	"cmp"
	"slices"
	"sort"
	"strings"
)

// step is how many bytes of a segment may lie between two points of a stream.
const step = 32 << 10

// span is what a segment has of a stream.
type span struct {
	first, last uint64 // records; none: last is 0
	top         uint64 // the greatest number, of chunks too
}

// point says where a record is: in a file, or (of a sequence) in its stream.
type point struct {
	number uint64
	at     uint64
}

type chunkPoint struct {
	stream byte
	number uint64
	index  uint32
	offset uint32
}

type keyPoint struct {
	key    string
	number uint64
}

// index finds what a growing segment has.
type index struct {
	spans     map[byte]*span
	points    map[byte][]point
	chunks    []chunkPoint
	sequences []point
	sequenced int64      // where the last of them is
	sorted    []keyPoint // by key; of equal ones the one that leads furthest
	keys      []keyPoint // that came since
}

// keysUnsorted is how many keys are looked through one by one.
const keysUnsorted = 1024

// sortKeys makes looking for keys fast, when there are many new ones.
func (x *index) sortKeys() {
	if len(x.keys) < keysUnsorted {
		return
	}
	x.sorted, x.keys = mergeKeys(x.sorted, x.keys), nil
}

// allKeys returns all keys, sorted.
func (x *index) allKeys() []keyPoint { return mergeKeys(x.sorted, x.keys) }

// mergeKeys sorts keys and joins them with those that are sorted, which came before them.
func mergeKeys(sorted, keys []keyPoint) []keyPoint {
	all := append(slices.Clip(sorted), keys...)
	slices.SortFunc(all, func(a, b keyPoint) int {
		return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(b.number, a.number))
	})
	return slices.CompactFunc(all, func(a, b keyPoint) bool { return a.key == b.key })
}

func newIndex() *index {
	return &index{spans: make(map[byte]*span), points: make(map[byte][]point), sequenced: -step}
}

func (x *index) span(stream byte) *span {
	s := x.spans[stream]
	if s == nil {
		s = &span{}
		x.spans[stream] = s
	}
	return s
}

// record takes up a record that stands at the offset.
func (x *index) record(stream byte, number uint64, offset int64, l Labels) {
	s := x.span(stream)
	if s.last == 0 {
		s.first = number
	}
	s.last, s.top = number, max(s.top, number)
	points := x.points[stream]
	if n := len(points); n == 0 || uint64(offset) >= points[n-1].at+step {
		x.points[stream] = append(points, point{number, uint64(offset)})
	}
	if l.Sequence > 0 && offset >= x.sequenced+step {
		x.sequences = append(x.sequences, point{l.Sequence, number})
		x.sequenced = offset
	}
	for _, k := range l.Keys {
		x.keys = append(x.keys, keyPoint{k, number})
	}
}

func (x *index) chunk(stream byte, number uint64, i uint32, offset int64) {
	s := x.span(stream)
	s.top = max(s.top, number)
	x.chunks = append(x.chunks, chunkPoint{stream, number, i, uint32(offset)})
}

// floorPoint returns the last point that is not above number.
func floorPoint(points []point, number uint64) (point, bool) {
	i := sort.Search(len(points), func(i int) bool { return points[i].number > number })
	if i == 0 {
		return point{}, false
	}
	return points[i-1], true
}

// floorKey returns the greatest key that has the prefix and is not above key; of equal keys the one that leads furthest. Those that lead beyond last do
// not count.
func floorKey(keys []keyPoint, prefix, key string, last uint64) (best keyPoint, found bool) {
	for _, k := range keys {
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
func floorSorted(keys []keyPoint, prefix, key string, last uint64) (best keyPoint, found bool) {
	i := sort.Search(len(keys), func(i int) bool { return keys[i].key > key })
	for i > 0 && keys[i-1].number > last {
		i--
	}
	if i == 0 || !strings.HasPrefix(keys[i-1].key, prefix) {
		return best, false
	}
	return keys[i-1], true
}

// floorKey looks through all keys.
func (x *index) floorKey(prefix, key string, last uint64) (best keyPoint, found bool) {
	best, found = floorSorted(x.sorted, prefix, key, last)
	k, ok := floorKey(x.keys, prefix, key, last)
	if ok && (!found || k.key >= best.key) {
		return k, true
	}
	return best, found
}

// lastChunk returns where the chunk was written last.
func lastChunk(chunks []chunkPoint, stream byte, number uint64, i uint32) (offset uint32, found bool) {
	for _, c := range slices.Backward(chunks) {
		if c.stream == stream && c.number == number && c.index == i {
			return c.offset, true
		}
	}
	return 0, false
}
