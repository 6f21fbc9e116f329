package binlog

import (
	"bytes"
	"fmt"
)

// ChecksumCRC32 is the only checksum algorithm that is supported; see enum_binlog_checksum_alg in MariaDB's
// sql/log_event.h. 0 means that events have none.
const ChecksumCRC32 = 1

const serverVersionSize = 50

// Format is the format description that each file begins with.
type Format struct {
	Version   uint16 // of the binlog: 4
	Server    string // the server's version
	Created   uint32 // when the server started, 0 of files that it began later
	PostSizes []byte // by type - 1: the size of the fixed part of the body; aliases the event
	Checksum  byte   // the algorithm of this file's events
	InUse     bool   // the server had not closed the file
}

// PostSize returns the size of the fixed part of a type's body, 0 of types that the file does not know.
func (f *Format) PostSize(t EventType) int {
	if t == 0 || int(t) > len(f.PostSizes) {
		return 0
	}
	return int(f.PostSizes[t-1])
}

// ParseFormat reads a format description. It ends with a checksum always, whatever the algorithm of the others.
func ParseFormat(event []byte) (Format, error) {
	h, r, err := typed(event, "format description", FormatDescriptionEvent)
	if err != nil {
		return Format{}, err
	}
	f := Format{Version: r.u16(), InUse: h.Flags&FlagInUse != 0}
	version, _, _ := bytes.Cut(r.bytes(serverVersionSize), []byte{0})
	f.Server, f.Created = string(version), r.u32()
	header := r.u8()
	f.PostSizes = r.bytes(len(r.rest) - 1)
	f.Checksum = r.u8()
	if err := r.finish("format description event"); err != nil {
		return Format{}, err
	}
	if f.Version != 4 || header != HeaderSize {
		return Format{}, fmt.Errorf("parse format description event: binlog version %d with headers of %d bytes, not 4 and %d: %w",
			f.Version, header, HeaderSize, ErrMalformed)
	}
	return f, nil
}
