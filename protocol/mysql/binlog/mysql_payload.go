package binlog

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"

	"github.com/klauspost/compress/zstd"
)

// Payload is a TRANSACTION_PAYLOAD: all events of a transaction but its GTID, compressed, in one.
type Payload struct {
	Compression byte   // PayloadZstd or PayloadPlain
	Size        uint64 // of the events when inflated, in bytes
	Data        []byte // aliases the event
}

// How a payload is compressed; see libs/mysql/binlog/event/compression/base.h in MySQL.
const (
	PayloadZstd  byte = 0
	PayloadPlain byte = 255
)

// The fields before a payload; see codecs::binary::Transaction_payload in MySQL's libs/mysql/binlog/event/codecs.
const (
	payloadEnd         = 0
	payloadSize        = 1
	payloadCompression = 2
	payloadInflated    = 3
)

// ParsePayload reads a TRANSACTION_PAYLOAD event. Nothing is inflated.
func ParsePayload(event []byte) (Payload, error) {
	_, r, err := typed(event, "transaction payload", TransactionPayloadEvent)
	if err != nil {
		return Payload{}, err
	}
	p, size := Payload{Compression: PayloadPlain}, uint64(0)
	for !r.bad {
		field := r.packed()
		if field == payloadEnd {
			break
		}
		value := reader{rest: r.bytes(r.length())}
		switch field {
		case payloadSize:
			size = value.packed()
		case payloadCompression:
			p.Compression = byte(value.packed())
		case payloadInflated:
			p.Size = value.packed()
		}
		r.bad = r.bad || value.bad
	}
	p.Data = r.rest
	r.bad = r.bad || size != uint64(len(p.Data))
	return p, r.finish("transaction payload event")
}

// payloadWindow bounds what inflating needs beside the event that it is at: MySQL compresses with levels up to 22, which look back as
// far as this.
const payloadWindow = 128 << 20

// payloadPiece is how much room is made at once for an event, so that a claim of a size costs little.
const payloadPiece = 1 << 20

// Events yields the transaction's events as they would stand in the file, with a checksum each. They may be kept. No more is
// held than one event and what inflating needs, whatever the payload claims; one that gives more or less than it claims is an error.
func (p *Payload) Events() iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		in, err := p.open()
		if err != nil {
			yield(nil, err)
			return
		}
		defer in.close()
		for {
			event, err := in.next()
			if err == io.EOF {
				return
			}
			if !yield(event, err) || err != nil {
				return
			}
		}
	}
}

// payloadReader cuts what is inflated into events.
type payloadReader struct {
	in    io.Reader
	left  uint64 // bytes that the payload still claims
	close func()
}

func (p *Payload) open() (*payloadReader, error) {
	in := bytes.NewReader(p.Data)
	switch p.Compression {
	case PayloadPlain:
		return &payloadReader{in: in, left: uint64(len(p.Data)), close: func() {}}, nil
	case PayloadZstd:
		z, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxWindow(payloadWindow), zstd.WithDecoderMaxMemory(1<<62))
		if err != nil {
			return nil, fmt.Errorf("inflate transaction: %w", err)
		}
		return &payloadReader{in: z, left: p.Size, close: z.Close}, nil
	}
	return nil, fmt.Errorf("inflate transaction: unknown compression %d: %w", p.Compression, ErrMalformed)
}

// next returns the next event, io.EOF after the last.
func (p *payloadReader) next() ([]byte, error) {
	if p.left == 0 {
		return nil, p.end()
	}
	event, err := p.take(nil, HeaderSize)
	if err != nil {
		return nil, err
	}
	h, err := ParseHeader(event)
	if err != nil {
		return nil, fmt.Errorf("inflate transaction: %w", err)
	}
	if h.Size > MaxEventSize-ChecksumSize {
		return nil, fmt.Errorf("inflate transaction: an event of %d bytes: %w", h.Size, ErrMalformed)
	}
	if event, err = p.take(event, int(h.Size)-HeaderSize); err != nil {
		return nil, err
	}
	binary.LittleEndian.PutUint32(event[9:], h.Size+ChecksumSize)
	return appendChecksum(event, 0), nil
}

// take appends the next n bytes.
func (p *payloadReader) take(b []byte, n int) ([]byte, error) {
	if uint64(n) > p.left {
		return nil, fmt.Errorf("inflate transaction: it ends inside an event: %w", ErrMalformed)
	}
	p.left -= uint64(n)
	for n > 0 {
		have, more := len(b), min(n, payloadPiece)
		b = slices.Grow(b, more+ChecksumSize)[:have+more]
		if _, err := io.ReadFull(p.in, b[have:]); err != nil {
			return nil, inflateError(err)
		}
		n -= more
	}
	return b, nil
}

// end makes sure that nothing follows.
func (p *payloadReader) end() error {
	var one [1]byte
	n, err := io.ReadFull(p.in, one[:])
	if n > 0 {
		return fmt.Errorf("inflate transaction: it is larger than it says: %w", ErrMalformed)
	}
	if err != io.EOF {
		return inflateError(err)
	}
	return io.EOF
}

func inflateError(err error) error {
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("inflate transaction: %w: %w", err, ErrMalformed)
}
