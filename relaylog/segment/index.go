package segment

import (
	"slices"
	"sort"
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

// index finds what a growing segment has.
type index struct {
	spans     map[byte]*span
	points    map[byte][]point
	chunks    []chunkPoint
	sequences []point
	sequenced int64 // where the last of them is
	keys      keys
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
		x.keys.add(k, number)
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

// lastChunk returns where the chunk was written last.
func lastChunk(chunks []chunkPoint, stream byte, number uint64, i uint32) (offset uint32, found bool) {
	for _, c := range slices.Backward(chunks) {
		if c.stream == stream && c.number == number && c.index == i {
			return c.offset, true
		}
	}
	return 0, false
}
