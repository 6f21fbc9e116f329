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
)

// maxHello bounds the hex text of an introduction.
const maxHello = 48 << 10

// Request returns the statement that asks for the transactions from first on.
func Request(self relay.Hello, first relay.Seq) (string, error) {
	b, err := self.AppendBinary(nil)
	if err != nil {
		return "", fmt.Errorf("encode introduction: %w", err)
	}
	return fmt.Sprintf("SET @%s = '%x', @%s = %d", VariableHello, b, VariableFrom, first), nil
}

// ParseRequest reads the two variables' values.
func ParseRequest(hello, from string) (relay.Hello, relay.Seq, error) {
	var h relay.Hello
	if len(hello) > maxHello {
		return h, 0, fmt.Errorf("read subscription: introduction of %d characters", len(hello))
	}
	b, err := hex.DecodeString(hello)
	if err != nil {
		return h, 0, fmt.Errorf("read subscription: the introduction is not hexadecimal")
	}
	if err := h.UnmarshalBinary(b); err != nil {
		return h, 0, fmt.Errorf("read subscription: %w", err)
	}
	first, err := strconv.ParseUint(from, 10, 64)
	if err != nil {
		return h, 0, fmt.Errorf("read subscription: the first sequence is not a number")
	}
	return h, relay.Seq(first), nil
}
