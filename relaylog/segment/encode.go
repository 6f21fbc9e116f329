package segment

import (
	"encoding/binary"
	"hash/crc32"
	"maps"
	"slices"
)

const (
	segmentMagic = "OCTSEG02"
	indexMagic   = "OCTIDX02"

	keyBlock    = 8 << 10
	indexHeader = 20 // up to the list of sections
	sectionSize = 17
)

// seal is an index in the making.
type seal struct {
	body     []byte
	sections []section
}

// section is a part of an index file.
type section struct {
	id     byte
	offset uint64 // in the file
	size   uint32
	sum    uint32
}

func (s *seal) add(id byte, b []byte) {
	s.sections = append(s.sections, section{id, uint64(len(s.body)), uint32(len(b)), crc32.Checksum(b, castagnoli)})
	s.body = append(s.body, b...)
}

// encode returns the index file of a segment, without its head.
func (x *index) encode(size int64, group uint64) []byte {
	var s seal
	blocks, directory := x.encodeKeys()
	s.add('r', x.encodeSpans())
	s.add('p', x.encodePoints())
	s.add('c', x.encodeChunks())
	s.add('s', encodePairs(x.sequences))
	s.add('d', directory)
	s.add('k', blocks)
	head := binary.BigEndian.AppendUint64(make([]byte, 0, 256), uint64(size))
	head = binary.BigEndian.AppendUint64(head, group)
	head = binary.BigEndian.AppendUint32(head, uint32(len(s.sections)))
	start := uint64(headSize + len(head) + len(s.sections)*sectionSize + 4)
	for _, sec := range s.sections {
		head = append(head, sec.id)
		head = binary.BigEndian.AppendUint64(head, start+sec.offset)
		head = binary.BigEndian.AppendUint32(head, sec.size)
		head = binary.BigEndian.AppendUint32(head, sec.sum)
	}
	head = binary.BigEndian.AppendUint32(head, crc32.Checksum(head, castagnoli))
	return append(head, s.body...)
}

func (x *index) encodeSpans() (b []byte) {
	for _, stream := range slices.Sorted(maps.Keys(x.spans)) {
		s := x.spans[stream]
		b = append(b, stream)
		for _, n := range []uint64{s.first, s.last, s.top} {
			b = binary.BigEndian.AppendUint64(b, n)
		}
	}
	return b
}

func (x *index) encodePoints() (b []byte) {
	for _, stream := range slices.Sorted(maps.Keys(x.points)) {
		for _, p := range x.points[stream] {
			b = append(b, stream)
			b = binary.BigEndian.AppendUint64(b, p.number)
			b = binary.BigEndian.AppendUint32(b, uint32(p.at))
		}
	}
	return b
}

func (x *index) encodeChunks() (b []byte) {
	for _, c := range x.chunks {
		b = append(b, c.stream)
		b = binary.BigEndian.AppendUint64(b, c.number)
		b = binary.BigEndian.AppendUint32(b, c.index)
		b = binary.BigEndian.AppendUint32(b, c.offset)
	}
	return b
}

func encodePairs(points []point) (b []byte) {
	for _, p := range points {
		b = binary.BigEndian.AppendUint64(b, p.number)
		b = binary.BigEndian.AppendUint64(b, p.at)
	}
	return b
}

// encodeKeys cuts the keys into blocks.
func (x *index) encodeKeys() (blocks, directory []byte) {
	keys := x.keys.all()
	for start := 0; start < len(keys); {
		from, first := len(blocks), keys[start].key
		for start < len(keys) && len(blocks)-from < keyBlock {
			blocks = binary.BigEndian.AppendUint16(blocks, uint16(len(keys[start].key)))
			blocks = append(blocks, keys[start].key...)
			blocks = binary.BigEndian.AppendUint64(blocks, keys[start].number)
			start++
		}
		block := blocks[from:]
		directory = binary.BigEndian.AppendUint64(directory, uint64(from))
		directory = binary.BigEndian.AppendUint32(directory, uint32(len(block)))
		directory = binary.BigEndian.AppendUint32(directory, crc32.Checksum(block, castagnoli))
		directory = binary.BigEndian.AppendUint16(directory, uint16(len(first)))
		directory = append(directory, first...)
	}
	return blocks, directory
}
