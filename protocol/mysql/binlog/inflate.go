package binlog

import (
	"bytes"
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
	size := 0
	for _, b := range sizes {
		size = size<<8 | int(b)
	}
	return unzip(r.rest, size)
}

// unzip inflates zlib data that must give exactly size bytes.
func unzip(b []byte, size int) ([]byte, error) {
	if size > MaxEventSize {
		return nil, fmt.Errorf("inflate: %d bytes are more than an event can have: %w", size, ErrMalformed)
	}
	z, err := zlib.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, fmt.Errorf("inflate: %w: %w", err, ErrMalformed)
	}
	var out bytes.Buffer
	out.Grow(min(size, 64*len(b)) + bytes.MinRead)
	if _, err := io.Copy(&out, io.LimitReader(z, int64(size)+1)); err != nil {
		return nil, fmt.Errorf("inflate: %w: %w", err, ErrMalformed)
	}
	if out.Len() != size {
		return nil, fmt.Errorf("inflate: %d bytes came out where %d were promised: %w", out.Len(), size, ErrMalformed)
	}
	return out.Bytes(), nil
}
