package feed

import (
	"encoding/hex"
	"fmt"
	"strconv"

	"github.com/octant-db/octant/relay"
)

// The user variables that make the next COM_BINLOG_DUMP of a connection a subscription.
const (
	VariableHello = "octant_subscribe"
	VariableFrom  = "octant_from"
	// VariableOrigin is set if the transactions of a lost region are wanted: its id.
	VariableOrigin = "octant_origin"
)

// maxHello bounds the hex text of an introduction.
const maxHello = 48 << 10

// Request returns the statement that asks for the transactions that are wanted.
func Request(self relay.Hello, w relay.Want) (string, error) {
	b, err := self.AppendBinary(nil)
	if err != nil {
		return "", fmt.Errorf("encode introduction: %w", err)
	}
	return fmt.Sprintf("SET @%s = '%x', @%s = %d, @%s = %d", VariableHello, b, VariableFrom, w.First, VariableOrigin, w.Origin), nil
}

// ParseRequest reads the variables' values. Relays of earlier releases set no origin.
func ParseRequest(hello, from, origin string) (relay.Hello, relay.Want, error) {
	var h relay.Hello
	var w relay.Want
	if len(hello) > maxHello {
		return h, w, fmt.Errorf("read subscription: introduction of %d characters", len(hello))
	}
	b, err := hex.DecodeString(hello)
	if err != nil {
		return h, w, fmt.Errorf("read subscription: the introduction is not hexadecimal")
	}
	if err := h.UnmarshalBinary(b); err != nil {
		return h, w, fmt.Errorf("read subscription: %w", err)
	}
	first, err := strconv.ParseUint(from, 10, 64)
	if err != nil {
		return h, w, fmt.Errorf("read subscription: the first sequence is not a number")
	}
	w.First = relay.Seq(first)
	if origin == "" {
		return h, w, nil
	}
	id, err := strconv.ParseUint(origin, 10, 8)
	if err != nil || id > relay.MaxRegions {
		return h, w, fmt.Errorf("read subscription: the origin is no region's id")
	}
	w.Origin = relay.Region(id)
	return h, w, nil
}
