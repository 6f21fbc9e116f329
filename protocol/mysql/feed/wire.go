package feed

import (
	"encoding/binary"
	"fmt"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/relay"
)

// MaxChunk is how many native bytes one event carries at most.
const MaxChunk = 256 << 10

// maxEvent is what a subscriber takes at most: a chunk, or a header with long vectors, and the frame around it.
const maxEvent = MaxChunk + 4<<10

// The types of the feed's events; servers number theirs upwards from 1 and have not reached 200.
const (
	typeHello       binlog.EventType = 0xF0
	typeTransaction binlog.EventType = 0xF1
	typeChunk       binlog.EventType = 0xF2
	typeEnd         binlog.EventType = 0xF3
	typeHeartbeat   binlog.EventType = 0xF4
	typeAhead       binlog.EventType = 0xF5
	typeConfirmed   binlog.EventType = 0xF6
)

// AppendHello appends the event with which a publisher introduces itself. serverID is the publisher's own.
func AppendHello(b []byte, serverID uint32, h relay.Hello) ([]byte, error) {
	body, err := h.AppendBinary(nil)
	if err != nil {
		return nil, fmt.Errorf("encode introduction: %w", err)
	}
	return binlog.AppendIgnorable(b, typeHello, serverID, body), nil
}

// AppendMessage appends one message as an event. A chunk above MaxChunk is refused: the sender cuts it.
func AppendMessage(b []byte, serverID uint32, m relay.Message) ([]byte, error) {
	kind, body, err := encode(m)
	if err != nil {
		return nil, fmt.Errorf("encode feed message: %w", err)
	}
	return binlog.AppendIgnorable(b, kind, serverID, body), nil
}

func encode(m relay.Message) (kind binlog.EventType, body []byte, err error) {
	switch {
	case m.Transaction != nil:
		body, err = m.Transaction.AppendBinary(nil)
		return typeTransaction, body, err
	case m.Ahead != nil:
		body, err = m.Ahead.AppendBinary(nil)
		return typeAhead, body, err
	case m.Confirmed != 0:
		return typeConfirmed, binary.BigEndian.AppendUint64(nil, uint64(m.Confirmed)), nil
	case m.Heartbeat != nil:
		body, err = m.Heartbeat.AppendBinary(nil)
		return typeHeartbeat, body, err
	case m.End:
		return typeEnd, nil, nil
	case len(m.Chunk) > MaxChunk:
		return 0, nil, fmt.Errorf("chunk of %d bytes, at most %d", len(m.Chunk), MaxChunk)
	}
	return typeChunk, m.Chunk, nil
}

// DecodeHello reads what AppendHello wrote.
func DecodeHello(event []byte) (relay.Hello, error) {
	var h relay.Hello
	kind, body, err := open(event)
	if err != nil {
		return h, err
	}
	if kind != typeHello {
		return h, fmt.Errorf("decode feed: event type %d where the introduction belongs: %w", kind, relay.ErrCorrupt)
	}
	return h, h.UnmarshalBinary(body)
}

// Decode reads what AppendMessage wrote. The message's chunk aliases the event.
func Decode(event []byte) (relay.Message, error) {
	kind, body, err := open(event)
	if err != nil {
		return relay.Message{}, err
	}
	switch kind {
	case typeTransaction:
		t := new(relay.Transaction)
		return relay.Message{Transaction: t}, t.UnmarshalBinary(body)
	case typeAhead:
		t := new(relay.Transaction)
		return relay.Message{Ahead: t}, t.UnmarshalBinary(body)
	case typeConfirmed:
		return decodeConfirmed(body)
	case typeHeartbeat:
		h := new(relay.Heartbeat)
		return relay.Message{Heartbeat: h}, h.UnmarshalBinary(body)
	case typeChunk:
		return relay.Message{Chunk: body}, nil
	case typeEnd:
		return relay.Message{End: true}, nil
	}
	return relay.Message{}, fmt.Errorf("decode feed: event type %d: %w", kind, relay.ErrCorrupt)
}

// decodeConfirmed refuses the sequence 0, which no transaction has.
func decodeConfirmed(body []byte) (relay.Message, error) {
	if len(body) != 8 || binary.BigEndian.Uint64(body) == 0 {
		return relay.Message{}, fmt.Errorf("decode feed: a confirmation of %d bytes, of a sequence or of none: %w", len(body), relay.ErrCorrupt)
	}
	return relay.Message{Confirmed: relay.Seq(binary.BigEndian.Uint64(body))}, nil
}

// open checks an event's frame and returns its type and body.
func open(event []byte) (binlog.EventType, []byte, error) {
	kind, body, err := binlog.ParseIgnorable(event)
	if err != nil {
		return 0, nil, fmt.Errorf("decode feed: %w", err)
	}
	if _, err := binlog.VerifyChecksum(event); err != nil {
		return 0, nil, fmt.Errorf("decode feed: %w", err)
	}
	return kind, body, nil
}
