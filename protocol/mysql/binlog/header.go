package binlog

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// HeaderSize is the size of an event's header in bytes.
const HeaderSize = 19

// ChecksumSize is the size of the CRC32 that ends every event.
const ChecksumSize = 4

// MaxEventSize is the largest event that is read: the largest max_allowed_packet and what stands around it.
const MaxEventSize = 1<<30 + 1<<20

// ErrMalformed is what bytes give that cannot be an event of the kind they say they are.
var ErrMalformed = errors.New("malformed binlog event")

// EventType says what an event is.
type EventType byte

// The event types that Octant looks at; see enum Log_event_type in MariaDB's sql/log_event.h. Other types are
// carried and never interpreted.
const (
	QueryEvent             EventType = 2
	StopEvent              EventType = 3
	RotateEvent            EventType = 4
	IntvarEvent            EventType = 5
	AppendBlockEvent       EventType = 9
	RandEvent              EventType = 13
	UserVarEvent           EventType = 14
	FormatDescriptionEvent EventType = 15
	XIDEvent               EventType = 16
	BeginLoadQueryEvent    EventType = 17
	ExecuteLoadQueryEvent  EventType = 18
	TableMapEvent          EventType = 19
	WriteRowsV1Event       EventType = 23
	UpdateRowsV1Event      EventType = 24
	DeleteRowsV1Event      EventType = 25
	IncidentEvent          EventType = 26
	HeartbeatEvent         EventType = 27
	IgnorableEvent         EventType = 28
	WriteRowsEvent         EventType = 30
	UpdateRowsEvent        EventType = 31
	DeleteRowsEvent        EventType = 32
	XAPrepareEvent         EventType = 38
	PartialUpdateRowsEvent EventType = 39
	AnnotateRowsEvent      EventType = 160
	BinlogCheckpointEvent  EventType = 161
	GTIDEvent              EventType = 162
	GTIDListEvent          EventType = 163
	StartEncryptionEvent   EventType = 164
	QueryCompressedEvent   EventType = 165
	WriteRowsCompressedV1  EventType = 166
	UpdateRowsCompressedV1 EventType = 167
	DeleteRowsCompressedV1 EventType = 168
	WriteRowsCompressed    EventType = 169
	UpdateRowsCompressed   EventType = 170
	DeleteRowsCompressed   EventType = 171
	PartialRowDataEvent    EventType = 172
)

// Flags of an event's header; see LOG_EVENT_*_F in MariaDB's sql/log_event.h.
const (
	FlagInUse           uint16 = 0x01   // of a format description: the file was not closed
	FlagArtificial      uint16 = 0x20   // made by the primary for the connection; it does not stand in the file
	FlagIgnorable       uint16 = 0x80   // a reader that does not know the type may skip it
	FlagSkipReplication uint16 = 0x8000 // written with @@skip_replication set
)

// Header is the beginning of every event.
type Header struct {
	Timestamp uint32 // seconds since the Unix epoch; 0 of artificial events
	Type      EventType
	ServerID  uint32
	Size      uint32 // of the whole event in bytes, header and checksum included
	LogPos    uint32 // where the event ends in its file, modulo 4 GiB; 0 where the server does not say
	Flags     uint16
}

// ParseHeader reads the header that event begins with. The bytes after it need not be there.
func ParseHeader(event []byte) (Header, error) {
	if len(event) < HeaderSize {
		return Header{}, fmt.Errorf("parse event header: only %d bytes: %w", len(event), ErrMalformed)
	}
	h := Header{
		Timestamp: binary.LittleEndian.Uint32(event),
		Type:      EventType(event[4]),
		ServerID:  binary.LittleEndian.Uint32(event[5:]),
		Size:      binary.LittleEndian.Uint32(event[9:]),
		LogPos:    binary.LittleEndian.Uint32(event[13:]),
		Flags:     binary.LittleEndian.Uint16(event[17:]),
	}
	if h.Size < HeaderSize || h.Size > MaxEventSize {
		return Header{}, fmt.Errorf("parse event header: type %d says that it has %d bytes: %w", h.Type, h.Size, ErrMalformed)
	}
	return h, nil
}

// Artificial tells whether the event was made for the connection and does not stand in the file.
func (h Header) Artificial() bool { return h.Flags&FlagArtificial != 0 }

// Body returns what stands between header and checksum. It aliases event; it is nil if the event is too short.
func Body(event []byte) []byte {
	if len(event) < HeaderSize+ChecksumSize {
		return nil
	}
	return event[HeaderSize : len(event)-ChecksumSize : len(event)-ChecksumSize]
}

// typed returns the body of an event that must be of one of the types.
func typed(event []byte, what string, types ...EventType) (Header, reader, error) {
	h, err := ParseHeader(event)
	if err != nil {
		return h, reader{}, err
	}
	for _, t := range types {
		if h.Type == t && int(h.Size) == len(event) && len(event) >= HeaderSize+ChecksumSize {
			return h, reader{rest: Body(event)}, nil
		}
	}
	return h, reader{}, fmt.Errorf("parse %s event: type %d, %d of %d bytes: %w", what, h.Type, len(event), h.Size, ErrMalformed)
}
