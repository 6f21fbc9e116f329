package binlog

import (
	"fmt"

	"github.com/octant-db/octant/protocol/mysql/gtid"
)

// MySQLGroup is what the event says that begins a group in MySQL's log. What follows is BEGIN or XA START and its end, or one
// statement, or one TRANSACTION_PAYLOAD.
type MySQLGroup struct {
	GTID          gtid.GTID // zero of an anonymous group
	Flags         byte
	LastCommitted int64  // the logical clock, which begins anew in each file
	Sequence      int64  // of the group on the logical clock
	Immediate     uint64 // when this server committed, in microseconds since the Unix epoch; 0: a server before 8.0 does not say
	Original      uint64 // when the server committed at which it was born
	Length        uint64 // of the whole group in bytes, this event included; 0: not said
	Version       uint32 // of this server, 80036 for 8.0.36; 0: not said
	OriginVersion uint32
	Ticket        uint64 // equal for groups that must commit together; 0: none
}

// Anonymous tells whether the group has no GTID.
func (g *MySQLGroup) Anonymous() bool { return g.GTID.Number == 0 }

// ParseMySQLGTID reads the event that begins a group: GTID, ANONYMOUS_GTID or GTID_TAGGED.
func ParseMySQLGTID(event []byte) (MySQLGroup, error) {
	h, r, err := typed(event, "gtid", MySQLGTIDEvent, MySQLAnonymousEvent, MySQLTaggedGTIDEvent)
	if err != nil {
		return MySQLGroup{}, err
	}
	var g MySQLGroup
	if h.Type == MySQLTaggedGTIDEvent {
		g.tagged(&r)
	} else {
		g.classic(&r)
	}
	if err := r.finish("gtid event"); err != nil {
		return MySQLGroup{}, err
	}
	if h.Type == MySQLAnonymousEvent {
		g.GTID = gtid.GTID{}
	} else if g.GTID.Number == 0 || g.GTID.Number > gtid.MaxNumber {
		return MySQLGroup{}, fmt.Errorf("parse gtid event: number %d: %w", g.GTID.Number, ErrMalformed)
	}
	return g, nil
}

const (
	logicalClock     = 2               // the type of logical clock that is in use since 5.7
	hasOriginal      = uint64(1) << 55 // of a timestamp: the original one follows
	hasOriginVersion = uint32(1) << 31 // of a version: the original one follows
)

// classic reads the layout of Gtid_event in MySQL's libs/mysql/binlog/event/control_events.cpp. Older servers end it earlier.
func (g *MySQLGroup) classic(r *reader) {
	g.Flags = r.u8()
	copy(g.GTID.Server[:], r.bytes(len(g.GTID.Server)))
	g.GTID.Number = r.u64()
	if len(r.rest) == 0 || r.u8() != logicalClock {
		return
	}
	g.LastCommitted, g.Sequence = int64(r.u64()), int64(r.u64())
	if len(r.rest) == 0 {
		return
	}
	g.Immediate = r.u56()
	g.Original = g.Immediate &^ hasOriginal
	if g.Immediate&hasOriginal != 0 {
		g.Immediate &^= hasOriginal
		g.Original = r.u56()
	}
	if len(r.rest) == 0 {
		return
	}
	g.Length = r.packed()
	if len(r.rest) == 0 {
		return
	}
	g.Version = r.u32()
	g.OriginVersion = g.Version &^ hasOriginVersion
	if g.Version&hasOriginVersion != 0 {
		g.Version &^= hasOriginVersion
		g.OriginVersion = r.u32()
	}
	if len(r.rest) >= 8 {
		g.Ticket = r.u64()
	}
}

// The fields of a GTID_TAGGED event; see Gtid_event::define_fields in MySQL's libs/mysql/binlog/event/control_events.h.
const (
	taggedFlags = iota
	taggedServer
	taggedNumber
	taggedTag
	taggedLastCommitted
	taggedSequence
	taggedImmediate
	taggedOriginal
	taggedLength
	taggedVersion
	taggedOriginVersion
	taggedTicket
)

// tagged reads the form of mysql::serialization: its version, the size of the message, the last field that must be understood, and
// then numbered fields, of which those with the usual value are left out.
func (g *MySQLGroup) tagged(r *reader) {
	version, size, last := r.varlen(), r.varlen(), r.varlen()
	r.bad = r.bad || version != 1 || size == 0 || last > taggedTicket
	originalSaid, originSaid := false, false
	for len(r.rest) > 0 && !r.bad {
		field := r.varlen()
		switch field {
		case taggedFlags:
			g.Flags = byte(r.varlen())
		case taggedServer:
			for i := range g.GTID.Server {
				g.GTID.Server[i] = byte(r.varlen())
			}
		case taggedNumber:
			g.GTID.Number = uint64(r.zigzag())
		case taggedTag:
			g.GTID.Tag = string(r.bytes(r.count()))
		case taggedLastCommitted:
			g.LastCommitted = r.zigzag()
		case taggedSequence:
			g.Sequence = r.zigzag()
		case taggedImmediate:
			g.Immediate = r.varlen()
		case taggedOriginal:
			g.Original, originalSaid = r.varlen(), true
		case taggedLength:
			g.Length = r.varlen()
		case taggedVersion:
			g.Version = uint32(r.varlen())
		case taggedOriginVersion:
			g.OriginVersion, originSaid = uint32(r.varlen()), true
		case taggedTicket:
			g.Ticket = r.varlen()
		default: // of a later version, and not one that must be understood
			r.rest = nil
		}
	}
	if !originalSaid {
		g.Original = g.Immediate
	}
	if !originSaid {
		g.OriginVersion = g.Version
	}
	if tag := g.GTID.Tag; tag != "" {
		if clean, err := gtid.ParseTag(tag); err != nil || clean != tag {
			r.bad = true
		}
	}
}
