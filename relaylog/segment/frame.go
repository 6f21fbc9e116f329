package segment

import (
	"encoding/binary"
	"hash/crc32"
)

// Labels say under what a record can be found, besides its number. Keys are kept.
type Labels struct {
	Keys     []string
	Sequence uint64 // 0: none; rises with the numbers of a stream
}

// Frame collects what is to become durable together. It can be used again after Reset.
type Frame struct {
	b      []byte
	marks  []mark
	labels []Labels // of the records, in order
}

// mark is a record or chunk in a frame.
type mark struct {
	stream byte
	chunk  bool
	number uint64
	index  uint32
	offset int64 // in the frame
}

// Reset empties the frame. A buffer that grew far beyond the usual is let go.
func (f *Frame) Reset() {
	const keep = 8 << 20
	if cap(f.b) > keep {
		f.b = nil
	}
	clear(f.labels)
	f.b, f.marks, f.labels = f.b[:0], f.marks[:0], f.labels[:0]
}

// Len is how many bytes the frame has.
func (f *Frame) Len() int { return len(f.b) }

func (f *Frame) header() {
	if len(f.b) == 0 {
		f.b = append(f.b, make([]byte, groupHeader)...)
	}
}

// Record appends a record; value is copied.
func (f *Frame) Record(stream byte, number uint64, value []byte, labels Labels) {
	f.header()
	f.marks = append(f.marks, mark{stream: stream, number: number, offset: int64(len(f.b))})
	f.labels = append(f.labels, labels)
	f.b = append(f.b, itemRecord, stream)
	f.b = binary.BigEndian.AppendUint64(f.b, number)
	f.b = binary.BigEndian.AppendUint32(f.b, uint32(len(value)))
	f.b = append(f.b, value...)
}

// Chunk appends a part of a record that is too large for one piece. The last chunk written with a number and index is the right one.
func (f *Frame) Chunk(stream byte, number uint64, index uint32, value []byte) {
	f.header()
	f.marks = append(f.marks, mark{stream: stream, chunk: true, number: number, index: index, offset: int64(len(f.b))})
	f.b = append(f.b, itemChunk, stream)
	f.b = binary.BigEndian.AppendUint64(f.b, number)
	f.b = binary.BigEndian.AppendUint32(f.b, index)
	f.b = binary.BigEndian.AppendUint32(f.b, uint32(len(value)))
	f.b = append(f.b, value...)
}

// Pair appends a pair for replaying; a nil value deletes.
func (f *Frame) Pair(key, value []byte) {
	f.header()
	size := uint32(noValue)
	if value != nil {
		size = uint32(len(value))
	}
	f.b = append(f.b, itemPair)
	f.b = binary.BigEndian.AppendUint32(f.b, uint32(len(key)))
	f.b = binary.BigEndian.AppendUint32(f.b, size)
	f.b = append(append(f.b, key...), value...)
}

// seal writes the frame's header.
func (f *Frame) seal(group uint64) []byte {
	f.header()
	f.b[0] = itemGroup
	binary.BigEndian.PutUint32(f.b[1:], uint32(len(f.b)-groupHeader))
	binary.BigEndian.PutUint64(f.b[9:], group)
	binary.BigEndian.PutUint32(f.b[5:], crc32.Checksum(f.b[9:], castagnoli))
	return f.b
}

// whole tells whether b begins with a whole frame, and returns its group's item.
func whole(b []byte) (group Item, ok bool) {
	group, err := parseItem(b)
	if err != nil || group.Kind != itemGroup || int64(len(b)) < group.Size+group.frame {
		return group, false
	}
	return group, group.sum == crc32.Checksum(b[9:group.Size+group.frame], castagnoli)
}
