package segment

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"sort"
)

// sealed is the index of a full segment: a file, of which only the ranges are kept in memory.
type sealed struct {
	size     int64
	group    uint64 // the segment's last one
	sections map[byte]section
	spans    map[byte]*span
}

// tables is what of a sealed index is read at once.
type tables struct {
	points    map[byte][]point
	chunks    []chunkPoint
	sequences []point
}

var errIndex = errors.New("the index is damaged")

// readSealed reads the head of an index file and the ranges.
func readSealed(f io.ReaderAt) (*sealed, error) {
	head := make([]byte, indexHeader)
	if _, err := f.ReadAt(head, headSize); err != nil {
		return nil, err
	}
	count := int(binary.BigEndian.Uint32(head[16:]))
	if count > 64 {
		return nil, errIndex
	}
	list := make([]byte, count*sectionSize+4)
	if _, err := f.ReadAt(list, headSize+indexHeader); err != nil {
		return nil, err
	}
	end := len(list) - 4
	if binary.BigEndian.Uint32(list[end:]) != crc32.Update(crc32.Checksum(head, castagnoli), castagnoli, list[:end]) {
		return nil, errIndex
	}
	x := &sealed{
		size: int64(binary.BigEndian.Uint64(head)), group: binary.BigEndian.Uint64(head[8:]),
		sections: make(map[byte]section), spans: make(map[byte]*span),
	}
	for b := list[:end]; len(b) > 0; b = b[sectionSize:] {
		x.sections[b[0]] = section{b[0], binary.BigEndian.Uint64(b[1:]), binary.BigEndian.Uint32(b[9:]), binary.BigEndian.Uint32(b[13:])}
	}
	return x, x.readSpans(f)
}

func (x *sealed) readSpans(f io.ReaderAt) error {
	b, err := x.section(f, 'r')
	if err != nil {
		return err
	}
	for ; len(b) >= 25; b = b[25:] {
		x.spans[b[0]] = &span{binary.BigEndian.Uint64(b[1:]), binary.BigEndian.Uint64(b[9:]), binary.BigEndian.Uint64(b[17:])}
	}
	return nil
}

// section reads a whole section.
func (x *sealed) section(f io.ReaderAt, id byte) ([]byte, error) {
	s := x.sections[id]
	return readChecked(f, s.offset, s.size, s.sum)
}

func readChecked(f io.ReaderAt, offset uint64, size, sum uint32) ([]byte, error) {
	b := make([]byte, size)
	if _, err := f.ReadAt(b, int64(offset)); err != nil {
		return nil, err
	}
	if crc32.Checksum(b, castagnoli) != sum {
		return nil, errIndex
	}
	return b, nil
}

// read loads the tables.
func (x *sealed) read(f io.ReaderAt) (*tables, error) {
	t := &tables{points: make(map[byte][]point)}
	b, err := x.section(f, 'p')
	if err != nil {
		return nil, err
	}
	for ; len(b) >= 13; b = b[13:] {
		t.points[b[0]] = append(t.points[b[0]], point{binary.BigEndian.Uint64(b[1:]), uint64(binary.BigEndian.Uint32(b[9:]))})
	}
	if b, err = x.section(f, 'c'); err != nil {
		return nil, err
	}
	for ; len(b) >= 17; b = b[17:] {
		t.chunks = append(t.chunks, chunkPoint{b[0], binary.BigEndian.Uint64(b[1:]), binary.BigEndian.Uint32(b[9:]), binary.BigEndian.Uint32(b[13:])})
	}
	if b, err = x.section(f, 's'); err != nil {
		return nil, err
	}
	for ; len(b) >= 16; b = b[16:] {
		t.sequences = append(t.sequences, point{binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:])})
	}
	return t, nil
}

// keyRange is a block of keys as the directory has it.
type keyRange struct {
	offset    uint64
	size, sum uint32
	first     string
}

// floorKey looks through the one block that can have the key.
func (x *sealed) floorKey(f io.ReaderAt, prefix, key string, last uint64) (best keyPoint, found bool, err error) {
	b, err := x.section(f, 'd')
	if err != nil {
		return best, false, err
	}
	blocks, err := parseDirectory(b)
	if err != nil {
		return best, false, err
	}
	i := sort.Search(len(blocks), func(i int) bool { return blocks[i].first > key })
	if i == 0 {
		return best, false, nil
	}
	block := blocks[i-1]
	b, err = readChecked(f, x.sections['k'].offset+block.offset, block.size, block.sum)
	if err != nil {
		return best, false, err
	}
	keys, err := parseKeys(b)
	if err != nil {
		return best, false, err
	}
	best, found = floorSorted(keys, prefix, key, last)
	return best, found, nil
}

func parseDirectory(b []byte) (blocks []keyRange, err error) {
	for len(b) > 0 {
		if len(b) < 18 || len(b) < 18+int(binary.BigEndian.Uint16(b[16:])) {
			return nil, errIndex
		}
		end := 18 + int(binary.BigEndian.Uint16(b[16:]))
		blocks = append(blocks, keyRange{
			binary.BigEndian.Uint64(b), binary.BigEndian.Uint32(b[8:]), binary.BigEndian.Uint32(b[12:]), string(b[18:end]),
		})
		b = b[end:]
	}
	return blocks, nil
}

func parseKeys(b []byte) (keys []keyPoint, err error) {
	for len(b) > 0 {
		if len(b) < 2 || len(b) < 10+int(binary.BigEndian.Uint16(b)) {
			return nil, errIndex
		}
		end := 2 + int(binary.BigEndian.Uint16(b))
		keys = append(keys, keyPoint{string(b[2:end]), binary.BigEndian.Uint64(b[end:])})
		b = b[end+8:]
	}
	return keys, nil
}
