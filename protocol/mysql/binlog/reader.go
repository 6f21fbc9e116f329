package binlog

import (
	"encoding/binary"
	"fmt"
	"math/bits"
)

// reader takes little-endian fields from the front of bytes. After the first field that is not there it yields zeros.
type reader struct {
	rest []byte
	bad  bool
}

// finish gives the error of what was read, if something was missing.
func (r *reader) finish(what string) error {
	if r.bad {
		return fmt.Errorf("parse %s: %w", what, ErrMalformed)
	}
	return nil
}

// bytes takes n bytes, which alias the source. Negative and too large n fail.
func (r *reader) bytes(n int) []byte {
	if n < 0 || n > len(r.rest) {
		r.rest, r.bad = nil, true
		return nil
	}
	b := r.rest[:n:n]
	r.rest = r.rest[n:]
	return b
}

func (r *reader) u8() byte {
	if len(r.rest) == 0 {
		r.bad = true
		return 0
	}
	b := r.rest[0]
	r.rest = r.rest[1:]
	return b
}

func (r *reader) u16() uint16 {
	if b := r.bytes(2); b != nil {
		return binary.LittleEndian.Uint16(b)
	}
	return 0
}

func (r *reader) u32() uint32 {
	if b := r.bytes(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

func (r *reader) u48() uint64 {
	if b := r.bytes(6); b != nil {
		return uint64(binary.LittleEndian.Uint32(b)) | uint64(binary.LittleEndian.Uint16(b[4:]))<<32
	}
	return 0
}

func (r *reader) u64() uint64 {
	if b := r.bytes(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

// packed takes a length-encoded integer: one byte below 251, or a marker and 2, 3 or 8 bytes.
func (r *reader) packed() uint64 {
	switch first := r.u8(); first {
	default:
		return uint64(first)
	case 251, 255: // NULL and the error marker, never a length
		r.rest, r.bad = nil, true
		return 0
	case 252:
		return uint64(r.u16())
	case 253:
		if b := r.bytes(3); b != nil {
			return uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16
		}
		return 0
	case 254:
		return r.u64()
	}
}

// length takes a length-encoded integer that counts things of at least one byte each that follow.
func (r *reader) length() int {
	n := r.packed()
	if n > uint64(len(r.rest)) {
		r.rest, r.bad = nil, true
		return 0
	}
	return int(n)
}

// closed takes n bytes and the zero byte after them.
func (r *reader) closed(n int) []byte {
	b := r.bytes(n)
	if r.u8() != 0 {
		r.rest, r.bad = nil, true
	}
	return b
}

func (r *reader) u56() uint64 {
	if b := r.bytes(7); b != nil {
		return uint64(binary.LittleEndian.Uint32(b)) | uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48
	}
	return 0
}

// varlen takes an integer of mysql::serialization: as many bytes follow the first as it has low bits that are 1, and the value
// begins above the 0 that ends those.
func (r *reader) varlen() uint64 {
	if len(r.rest) == 0 {
		r.bad = true
		return 0
	}
	more := bits.TrailingZeros8(^r.rest[0])
	b := r.bytes(1 + more)
	if b == nil {
		return 0
	}
	if more == 8 {
		return binary.LittleEndian.Uint64(b[1:])
	}
	var n uint64
	for i := more; i >= 0; i-- {
		n = n<<8 | uint64(b[i])
	}
	return n >> (more + 1)
}

// zigzag takes a signed integer of mysql::serialization, whose sign is the lowest bit.
func (r *reader) zigzag() int64 {
	n := r.varlen()
	return int64(n>>1) ^ -int64(n&1)
}

// count takes an integer of mysql::serialization that counts bytes that follow.
func (r *reader) count() int {
	n := r.varlen()
	if n > uint64(len(r.rest)) {
		r.rest, r.bad = nil, true
		return 0
	}
	return int(n)
}
