package gtid

import (
	"encoding/binary"
	"fmt"
)

// The binary forms, little endian; see Gtid_set::encode in MySQL's sql/rpl_gtid_set.cc. Both stand in COM_BINLOG_DUMP_GTID and in
// PREVIOUS_GTIDS events.
//
//	classic: u64 servers, then each: uuid,          u64 intervals, (u64 first, u64 after the last)…
//	tagged:  01, u48 sources, 01, then each: uuid, tag, u64 intervals, (…)…
//
// A tag is its length times two in one byte, and its characters. Servers write the tagged form if any tag is in the set.
const taggedForm = 1

// AppendBinary appends the set in the classic form if it has no tags, else in the tagged one.
func (s Set) AppendBinary(b []byte) []byte {
	if s.Tagged() {
		return s.AppendTagged(b)
	}
	b = binary.LittleEndian.AppendUint64(b, uint64(len(s.of)))
	for _, source := range s.Sources() {
		b = s.of[source].appendBinary(append(b, source.Server[:]...))
	}
	return b
}

// AppendTagged appends the set in the tagged form, which a server that knows of tags understands whether there are any or not.
func (s Set) AppendTagged(b []byte) []byte {
	b = binary.LittleEndian.AppendUint64(b, taggedForm|uint64(len(s.of))<<8|taggedForm<<56)
	for _, source := range s.Sources() {
		b = append(b, source.Server[:]...)
		b = append(append(b, byte(len(source.Tag)<<1)), source.Tag...)
		b = s.of[source].appendBinary(b)
	}
	return b
}

func (l intervals) appendBinary(b []byte) []byte {
	b = binary.LittleEndian.AppendUint64(b, uint64(len(l)))
	for _, i := range l {
		b = binary.LittleEndian.AppendUint64(b, i.First)
		b = binary.LittleEndian.AppendUint64(b, i.Last+1)
	}
	return b
}

// DecodeSet reads a set in either form. Nothing may follow it.
func DecodeSet(b []byte) (Set, error) {
	d := decoder{rest: b}
	head := d.u64()
	tagged := head>>56 == taggedForm && byte(head) == taggedForm
	count := head
	if tagged {
		count = head << 8 >> 16
	}
	var set Set
	for ; count > 0 && !d.bad; count-- {
		source, list := d.source(tagged)
		set.put(source, append(set.of[source], list...))
	}
	if d.bad || len(d.rest) > 0 {
		return Set{}, fmt.Errorf("decode GTID set of %d bytes: %w", len(b), ErrMalformed)
	}
	for source, list := range set.of {
		set.of[source] = normal(list)
	}
	return set, nil
}

// decoder takes fields from the front of bytes. After the first that is not there it is bad and yields zeros.
type decoder struct {
	rest []byte
	bad  bool
}

func (d *decoder) bytes(n int) []byte {
	if n > len(d.rest) {
		d.rest, d.bad = nil, true
		return nil
	}
	b := d.rest[:n]
	d.rest = d.rest[n:]
	return b
}

func (d *decoder) u64() uint64 {
	if b := d.bytes(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

// source takes one source and its intervals.
func (d *decoder) source(tagged bool) (Source, intervals) {
	var s Source
	copy(s.Server[:], d.bytes(len(s.Server)))
	if tagged {
		s.Tag = d.tag()
	}
	n := d.u64()
	if n > uint64(len(d.rest)/16) {
		d.rest, d.bad = nil, true
		return s, nil
	}
	list := make(intervals, 0, n)
	for range n {
		first, after := d.u64(), d.u64()
		if first == 0 || after <= first || after > MaxNumber+1 {
			d.rest, d.bad = nil, true
			return s, nil
		}
		list = append(list, Interval{first, after - 1})
	}
	return s, list
}

// tag takes a tag. Its length fits into one byte in the encoding of mysql::serialization, whose lowest bit is then 0.
func (d *decoder) tag() string {
	head := d.bytes(1)
	if head == nil {
		return ""
	}
	tag := string(d.bytes(int(head[0] >> 1)))
	if head[0]&1 != 0 || tag != "" && !validTag(tag) {
		d.rest, d.bad = nil, true
	}
	return tag
}
