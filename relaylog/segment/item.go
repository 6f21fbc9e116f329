package segment

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
)

const (
	itemGroup  = 'g'
	itemRecord = 'r'
	itemChunk  = 'c'
	itemPair   = 'p'

	groupHeader  = 17
	recordHeader = 14
	chunkHeader  = 18
	pairHeader   = 9
	longest      = chunkHeader // of the headers

	noValue = 1<<32 - 1
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Item is what a segment consists of. Its slices alias what it was parsed from.
type Item struct {
	Kind   byte
	Stream byte
	Number uint64 // of a record or chunk in its stream; of a group
	Index  uint32 // of a chunk
	Key    []byte // of a pair
	Value  []byte // nil: the pair deletes
	Size   int64  // of the whole item

	frame int64  // of a group: bytes of the items that follow
	sum   uint32 // of a group
}

var (
	errShort = errors.New("more bytes are needed")
	errTorn  = errors.New("the item is torn")
)

// parseItem takes the first item of b apart. errShort comes with the size that is needed at least; errTorn says that no more bytes can mend it.
func parseItem(b []byte) (it Item, err error) {
	if it.Size, err = itemSize(b); err != nil {
		return it, err
	}
	it.Kind = b[0]
	switch it.Kind {
	case itemGroup:
		it.frame = int64(binary.BigEndian.Uint32(b[1:]))
		it.sum = binary.BigEndian.Uint32(b[5:])
		it.Number = binary.BigEndian.Uint64(b[9:])
		return it, nil
	case itemPair:
		key := int64(binary.BigEndian.Uint32(b[1:]))
		if int64(len(b)) < it.Size {
			return it, errShort
		}
		it.Key = b[pairHeader : pairHeader+key : pairHeader+key]
		if binary.BigEndian.Uint32(b[5:]) != noValue {
			it.Value = b[pairHeader+key : it.Size : it.Size]
		}
		return it, nil
	}
	header := int64(recordHeader)
	it.Stream, it.Number = b[1], binary.BigEndian.Uint64(b[2:])
	if it.Kind == itemChunk {
		header, it.Index = chunkHeader, binary.BigEndian.Uint32(b[10:])
	}
	if int64(len(b)) < it.Size {
		return it, errShort
	}
	it.Value = b[header:it.Size:it.Size]
	return it, nil
}

// itemSize reads how long the first item of b is, its header included. A group's items do not count.
func itemSize(b []byte) (int64, error) {
	if len(b) == 0 {
		return longest, errShort
	}
	header := headerSize(b[0])
	switch {
	case header == 0:
		return 0, errTorn
	case len(b) < header:
		return int64(header), errShort
	}
	switch b[0] {
	case itemRecord:
		return recordHeader + int64(binary.BigEndian.Uint32(b[10:])), nil
	case itemChunk:
		return chunkHeader + int64(binary.BigEndian.Uint32(b[14:])), nil
	case itemPair:
		value := int64(binary.BigEndian.Uint32(b[5:]))
		if value == noValue {
			value = 0
		}
		return pairHeader + int64(binary.BigEndian.Uint32(b[1:])) + value, nil
	}
	return groupHeader, nil
}

func headerSize(kind byte) int {
	switch kind {
	case itemGroup:
		return groupHeader
	case itemRecord:
		return recordHeader
	case itemChunk:
		return chunkHeader
	case itemPair:
		return pairHeader
	}
	return 0
}
