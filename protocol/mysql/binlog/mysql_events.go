package binlog

import (
	"fmt"

	"github.com/octant-db/octant/protocol/mysql/gtid"
	"github.com/octant-db/octant/relay"
)

// MySQL is the name of MySQL's native encoding. The layout of events, table maps and images is MariaDB's for the most part; types
// of events and columns that only one of them has have numbers of their own.
const MySQL relay.Flavour = "mysql"

// The event types that only MySQL has; see enum Log_event_type in MySQL's libs/mysql/binlog/event/binlog_event.h.
const (
	RowsQueryEvent          EventType = 29 // MySQL's ANNOTATE_ROWS
	MySQLGTIDEvent          EventType = 33
	MySQLAnonymousEvent     EventType = 34
	PreviousGTIDsEvent      EventType = 35
	TransactionContextEvent EventType = 36
	ViewChangeEvent         EventType = 37
	TransactionPayloadEvent EventType = 40
	HeartbeatV2Event        EventType = 41
	MySQLTaggedGTIDEvent    EventType = 42
)

// BeginsGroup tells whether an event of the type begins a group, in either flavour.
func BeginsGroup(t EventType) bool {
	return t == GTIDEvent || t == MySQLGTIDEvent || t == MySQLAnonymousEvent || t == MySQLTaggedGTIDEvent
}

// ParsePreviousGTIDs reads what was committed before the file that the event stands in.
func ParsePreviousGTIDs(event []byte) (gtid.Set, error) {
	_, r, err := typed(event, "previous gtids", PreviousGTIDsEvent)
	if err != nil {
		return gtid.Set{}, err
	}
	set, err := gtid.DecodeSet(r.rest)
	if err != nil {
		return gtid.Set{}, fmt.Errorf("parse previous gtids event: %w: %w", err, ErrMalformed)
	}
	return set, nil
}

// PreviousGTIDs builds the event that ParsePreviousGTIDs reads. It ends at logPos.
func PreviousGTIDs(serverID uint32, set gtid.Set, logPos uint32, checksum bool) []byte {
	b := appendHeader(nil, Header{Type: PreviousGTIDsEvent, ServerID: serverID, LogPos: logPos, Flags: FlagIgnorable})
	return endEvent(set.AppendBinary(b), 0, checksum)
}

// The fields of a HEARTBEAT_V2; see Heartbeat_event_v2 in MySQL's libs/mysql/binlog/event/control_events.h.
const (
	heartbeatEnd    = 0
	heartbeatFile   = 1
	heartbeatOffset = 2
)

// HeartbeatV2 builds the heartbeat that has room for any offset. Only clients that set the flag for it in their dump command
// take it.
func HeartbeatV2(serverID uint32, file string, offset uint64, checksum bool) []byte {
	b := appendHeader(nil, Header{Type: HeartbeatV2Event, ServerID: serverID})
	b = appendPacked(append(b, heartbeatFile), uint64(len(file)))
	number := appendPacked(nil, offset)
	b = append(append(b, file...), heartbeatOffset, byte(len(number)))
	return endEvent(append(append(b, number...), heartbeatEnd), 0, checksum)
}

// ParseHeartbeatV2 reads what HeartbeatV2 builds. Fields that are not known are passed over.
func ParseHeartbeatV2(event []byte) (Rotate, error) {
	_, r, err := typed(event, "heartbeat v2", HeartbeatV2Event)
	if err != nil {
		return Rotate{}, err
	}
	var at Rotate
	for !r.bad {
		field := r.packed()
		if field == heartbeatEnd {
			break
		}
		value := reader{rest: r.bytes(r.length())}
		switch field {
		case heartbeatFile:
			at.File = string(value.rest)
		case heartbeatOffset:
			at.Offset = value.packed()
			r.bad = r.bad || value.bad
		}
	}
	return at, r.finish("heartbeat v2 event")
}
