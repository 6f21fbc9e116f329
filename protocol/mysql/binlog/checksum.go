package binlog

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/octant-db/octant/relay"
)

// flagsOffset is where the flags stand in a header.
const flagsOffset = 17

// VerifyChecksum compares the CRC32 that event ends with against its bytes, and returns its header. A mismatch is relay.ErrCorrupt.
// The checksum of a format description is that of the event with the in-use flag cleared, so that the server can clear
// the flag when it closes the file without computing it again.
func VerifyChecksum(event []byte) (Header, error) {
	h, err := ParseHeader(event)
	if err != nil {
		return h, err
	}
	if int(h.Size) != len(event) || len(event) < HeaderSize+ChecksumSize {
		return h, fmt.Errorf("verify checksum: event of type %d has %d of its %d bytes: %w", h.Type, len(event), h.Size, ErrMalformed)
	}
	end := len(event) - ChecksumSize
	if checksum(h, event[:end]) != binary.LittleEndian.Uint32(event[end:]) {
		return h, fmt.Errorf("verify checksum: event of type %d that ends at %d: checksum mismatch: %w", h.Type, h.LogPos, relay.ErrCorrupt)
	}
	return h, nil
}

func checksum(h Header, event []byte) uint32 {
	if h.Type != FormatDescriptionEvent || h.Flags&FlagInUse == 0 {
		return crc32.ChecksumIEEE(event)
	}
	sum := crc32.ChecksumIEEE(event[:flagsOffset])
	sum = crc32.Update(sum, crc32.IEEETable, []byte{byte(h.Flags &^ FlagInUse)})
	return crc32.Update(sum, crc32.IEEETable, event[flagsOffset+1:])
}

// appendChecksum ends the event that starts at from.
func appendChecksum(b []byte, from int) []byte {
	return binary.LittleEndian.AppendUint32(b, crc32.ChecksumIEEE(b[from:]))
}
