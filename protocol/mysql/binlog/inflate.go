package binlog

import (
	"bytes"
	"compress/flate"
	"compress/zlib"
	"fmt"
	"io"
)

// inflate undoes log_bin_compress. The first byte is 0x80 | algorithm<<4 | n, then come n bytes of the original length, big
// endian, then zlib; see binlog_buf_compress in MariaDB's sql/log_event.cc. Memory grows with what is really inflated, not
// with what the length promises.
func inflate(b []byte) ([]byte, error) {
	r := reader{rest: b}
	head := r.u8()
	sizes := r.bytes(int(head & 7))
	if r.bad || head&0xF0 != 0x80 || len(sizes) < 1 || len(sizes) > 4 {
		return nil, fmt.Errorf("inflate event: unknown compression header: %w", ErrMalformed)
	}
	return unzip(r.rest, int(bigEndian(sizes)))
}

// unzip inflates zlib data that must give exactly size bytes.
func unzip(b []byte, size int) ([]byte, error) {
	z, err := zlib.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, fmt.Errorf("inflate: %w: %w", err, ErrMalformed)
	}
	return inflateAll(z, len(b), size)
}

func inflateAll(z io.Reader, packed, size int) ([]byte, error) {
	if size > MaxEventSize {
		return nil, fmt.Errorf("inflate: %d bytes are more than an event can have: %w", size, ErrMalformed)
	}
	var out bytes.Buffer
	out.Grow(min(size, 64*packed) + bytes.MinRead)
	if _, err := io.Copy(&out, io.LimitReader(z, int64(size)+1)); err != nil {
		return nil, fmt.Errorf("inflate: %w: %w", err, ErrMalformed)
	}
	if out.Len() != size {
		return nil, fmt.Errorf("inflate: %d bytes came out where %d were promised: %w", out.Len(), size, ErrMalformed)
	}
	return out.Bytes(), nil
}

// inflateColumn undoes the COMPRESSED attribute of a column. No bytes are the empty string. The first byte is 0 before bytes
// that are not compressed, or 0x80 | (8: zlib data without its own header) | n, then n bytes of the original length, big
// endian; see sql/field_comp.cc in MariaDB.
func inflateColumn(b []byte) ([]byte, error) {
	if len(b) == 0 {
		return nil, nil
	}
	r := reader{rest: b}
	head := r.u8()
	if head == 0 {
		return r.rest, nil
	}
	sizes := r.bytes(int(head & 7))
	if r.bad || head&0xF0 != 0x80 || len(sizes) < 1 || len(sizes) > 4 {
		return nil, fmt.Errorf("inflate: unknown compression of a column: %w", ErrMalformed)
	}
	size := int(bigEndian(sizes))
	if head&8 == 0 {
		return unzip(r.rest, size)
	}
	return inflateAll(flate.NewReader(bytes.NewReader(r.rest)), len(r.rest), size)
}
