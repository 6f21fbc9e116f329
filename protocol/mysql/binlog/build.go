package binlog

import (
	"encoding/binary"
	"fmt"
	"math"
)

// appendHeader begins an event whose size is set by endEvent.
func appendHeader(b []byte, h Header) []byte {
	b = binary.LittleEndian.AppendUint32(b, h.Timestamp)
	b = append(b, byte(h.Type))
	b = binary.LittleEndian.AppendUint32(b, h.ServerID)
	b = binary.LittleEndian.AppendUint32(b, h.Size)
	b = binary.LittleEndian.AppendUint32(b, h.LogPos)
	return binary.LittleEndian.AppendUint16(b, h.Flags)
}

// endEvent sets the size of the event that starts at from, and appends its checksum if it shall have one.
func endEvent(b []byte, from int, checksum bool) []byte {
	size := len(b) - from
	if checksum {
		size += ChecksumSize
	}
	binary.LittleEndian.PutUint32(b[from+9:], uint32(size))
	if checksum {
		return appendChecksum(b, from)
	}
	return b
}

// FakeRotate builds the artificial ROTATE that tells a client which file the next events come from. Without checksum it is for
// clients that asked for none on artificial events (SET @master_binlog_checksum = 'NONE').
func FakeRotate(serverID uint32, file string, offset uint64, checksum bool) []byte {
	b := appendHeader(nil, Header{Type: RotateEvent, ServerID: serverID, Flags: FlagArtificial})
	b = binary.LittleEndian.AppendUint64(b, offset)
	return endEvent(append(b, file...), 0, checksum)
}

// FormatForDump returns a copy of a file's format description as a primary sends it: the in-use flag cleared and, where the
// dump begins in the middle of the file, with creation time and position zero, so that the replica neither thinks that the
// primary restarted nor moves its position back.
func FormatForDump(fde []byte, midFile bool) ([]byte, error) {
	if _, err := ParseFormat(fde); err != nil {
		return nil, err
	}
	b := append(make([]byte, 0, len(fde)), fde[:len(fde)-ChecksumSize]...)
	b[flagsOffset] &^= byte(FlagInUse)
	if midFile {
		clear(b[13:17])
		created := HeaderSize + 2 + serverVersionSize
		clear(b[created : created+4])
	}
	return appendChecksum(b, 0), nil
}

// Heartbeat builds the HEARTBEAT that an idle primary sends: everything up to the offset was sent. Beyond 4 GiB MariaDB's
// form is used, where the header's position is 0 and the body begins with the 64-bit one.
func Heartbeat(serverID uint32, file string, offset uint64, checksum bool) []byte {
	h := Header{Type: HeartbeatEvent, ServerID: serverID}
	if offset <= math.MaxUint32 {
		h.LogPos = uint32(offset)
	}
	b := appendHeader(nil, h)
	if offset > math.MaxUint32 {
		b = binary.LittleEndian.AppendUint64(b, offset)
	}
	return endEvent(append(b, file...), 0, checksum)
}

// ParseHeartbeat reads a HEARTBEAT event.
func ParseHeartbeat(event []byte) (Rotate, error) {
	h, r, err := typed(event, "heartbeat", HeartbeatEvent)
	if err != nil {
		return Rotate{}, err
	}
	at := Rotate{Offset: uint64(h.LogPos)}
	if h.LogPos == 0 {
		at.Offset = r.u64()
	}
	at.File = string(r.bytes(len(r.rest)))
	return at, r.finish("heartbeat event")
}

// FakeGTIDList builds the artificial GTID_LIST that tells a replica its exact state where the dump begins.
func FakeGTIDList(serverID uint32, list []GTID, logPos uint32, checksum bool) []byte {
	b := appendHeader(nil, Header{Type: GTIDListEvent, ServerID: serverID, LogPos: logPos, Flags: FlagArtificial})
	return endEvent(appendGTIDs(b, list), 0, checksum)
}

func appendGTIDs(b []byte, list []GTID) []byte {
	b = binary.LittleEndian.AppendUint32(b, uint32(len(list))&gtidListMask)
	for _, g := range list {
		b = binary.LittleEndian.AppendUint32(b, g.Domain)
		b = binary.LittleEndian.AppendUint32(b, g.Server)
		b = binary.LittleEndian.AppendUint64(b, g.Seq)
	}
	return b
}

// Ignorable builds an event of a type of our own, which stock readers skip.
func Ignorable(t EventType, serverID uint32, body []byte) []byte {
	return AppendIgnorable(make([]byte, 0, HeaderSize+len(body)+ChecksumSize), t, serverID, body)
}

// AppendIgnorable appends what Ignorable builds.
func AppendIgnorable(b []byte, t EventType, serverID uint32, body []byte) []byte {
	from := len(b)
	b = appendHeader(b, Header{Type: t, ServerID: serverID, Flags: FlagIgnorable})
	return endEvent(append(b, body...), from, true)
}

// ParseIgnorable returns type and body of an event that Ignorable built; the body aliases the event.
func ParseIgnorable(event []byte) (EventType, []byte, error) {
	h, err := ParseHeader(event)
	if err != nil {
		return 0, nil, err
	}
	if h.Flags&FlagIgnorable == 0 || int(h.Size) != len(event) || len(event) < HeaderSize+ChecksumSize {
		return 0, nil, fmt.Errorf("parse event of type %d: not an ignorable event: %w", h.Type, ErrMalformed)
	}
	return h.Type, Body(event), nil
}
