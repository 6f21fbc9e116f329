package relaylog

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/octant-db/octant/relay"
)

const (
	chunkSize   = 256 << 10 // the most native bytes in one value
	crcSize     = 4
	trailerSize = 28
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// seal appends the checksum of key and payload to the payload.
func seal(key, payload []byte) []byte {
	return binary.BigEndian.AppendUint32(payload, checksum(key, payload))
}

// unseal returns the payload of a sealed value, which aliases it.
func unseal(key, value []byte) ([]byte, error) {
	n := len(value) - crcSize
	if n < 0 || binary.BigEndian.Uint32(value[n:]) != checksum(key, value[:n]) {
		return nil, fmt.Errorf("checksum does not match: %w", relay.ErrCorrupt)
	}
	return value[:n:n], nil
}

func checksum(key, payload []byte) uint32 {
	return crc32.Update(crc32.Update(0, castagnoli, key), castagnoli, payload)
}

func sealUint64(key []byte, n uint64) []byte {
	return seal(key, binary.BigEndian.AppendUint64(make([]byte, 0, 8+crcSize), n))
}

func unsealUint64(key, value []byte) (uint64, error) {
	payload, err := unseal(key, value)
	if err == nil && len(payload) != 8 {
		err = fmt.Errorf("%d bytes where 8 belong: %w", len(payload), relay.ErrCorrupt)
	}
	if err != nil {
		return 0, err
	}
	return binary.BigEndian.Uint64(payload), nil
}

// record is one entry or transaction in memory. It is never changed after it was made.
type record struct {
	number uint64
	head   header
	native []byte // nil when the bytes are in chunks
	chunks uint32
	total  int64 // native bytes of the stream up to and including this record
	at     int64 // µs since the Unix epoch
	memory int64 // what keeping it costs
}

// header is a *relay.Entry or a *relay.Transaction.
type header interface {
	AppendBinary([]byte) ([]byte, error)
}

// codec tells the two kinds of streams apart.
type codec interface {
	decode(head []byte) (header, error)
	// identify returns the number and the native size that a header gives itself.
	identify(header) (number uint64, size int64)
}

// appendRecord turns the native bytes (none for a record in chunks) into the record's value.
func appendRecord(native, key []byte, r *record) ([]byte, error) {
	start := len(native)
	value, err := r.head.AppendBinary(native)
	if err != nil {
		return nil, err
	}
	size := len(value) - start
	value = binary.BigEndian.AppendUint64(value, uint64(r.total))
	value = binary.BigEndian.AppendUint64(value, uint64(r.at))
	value = binary.BigEndian.AppendUint32(value, r.chunks)
	value = binary.BigEndian.AppendUint32(value, uint32(size))
	return seal(key, value), nil
}

// trailer is the end of a record's value.
type trailer struct {
	total, at      int64
	chunks         uint32
	native, header []byte
}

// splitRecord takes a value apart without looking at the checksum.
func splitRecord(value []byte) (trailer, error) {
	n := len(value) - trailerSize
	if n < 0 {
		return trailer{}, fmt.Errorf("%d bytes are too few: %w", len(value), relay.ErrCorrupt)
	}
	end := value[n:]
	size := int64(binary.BigEndian.Uint32(end[20:]))
	if size > int64(n) {
		return trailer{}, fmt.Errorf("header is longer than the record: %w", relay.ErrCorrupt)
	}
	cut := n - int(size)
	return trailer{
		total:  int64(binary.BigEndian.Uint64(end)),
		at:     int64(binary.BigEndian.Uint64(end[8:])),
		chunks: binary.BigEndian.Uint32(end[16:]),
		native: value[:cut:cut],
		header: value[cut:n:n],
	}, nil
}

// decodeRecord checks and takes apart a record's value, which the record keeps.
func decodeRecord(c codec, key, value []byte) (*record, error) {
	if _, err := unseal(key, value); err != nil {
		return nil, err
	}
	t, err := splitRecord(value)
	if err != nil {
		return nil, err
	}
	head, err := c.decode(t.header)
	if err != nil {
		return nil, err
	}
	number := numberOf(key)
	own, size := c.identify(head)
	if own != number || (t.chunks == 0 && size != int64(len(t.native))) {
		return nil, fmt.Errorf("header is another record's: %w", relay.ErrCorrupt)
	}
	r := &record{
		number: number, head: head, chunks: t.chunks, total: t.total, at: t.at, memory: int64(len(value)) + recordOverhead,
	}
	if t.chunks == 0 {
		r.native = t.native
	}
	return r, nil
}

// recordOverhead is about what a record costs in memory beside its value: the decoded header and the bookkeeping.
const recordOverhead = 512

func (r *record) size(c codec) int64 {
	_, size := c.identify(r.head)
	return size
}
