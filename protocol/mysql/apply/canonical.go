package apply

import (
	"encoding/binary"
	"math"

	"github.com/octant-db/octant/relay"
)

// appendCanonical appends a value that has no collation so that equal values have equal bytes. prefix bytes of it count, if
// that is not 0.
func appendCanonical(b []byte, v relay.Value, prefix int) []byte {
	switch v.Kind {
	case relay.Int:
		return binary.BigEndian.AppendUint64(b, uint64(v.Int))
	case relay.Uint, relay.Enum, relay.Set:
		return binary.BigEndian.AppendUint64(b, v.Uint)
	case relay.Float32, relay.Float64:
		return binary.BigEndian.AppendUint64(b, math.Float64bits(v.Float+0)) // -0 + 0 is 0
	case relay.Decimal, relay.Time:
		return appendSized(b, withoutNegativeZero(v.Bytes))
	}
	if prefix > 0 && prefix < len(v.Bytes) {
		return appendSized(b, v.Bytes[:prefix])
	}
	return appendSized(b, v.Bytes)
}

func appendSized(b, value []byte) []byte {
	return append(binary.AppendUvarint(b, uint64(len(value))), value...)
}

// withoutNegativeZero takes the sign from "-0.00" and "-00:00:00".
func withoutNegativeZero(b []byte) []byte {
	if len(b) == 0 || b[0] != '-' {
		return b
	}
	for _, c := range b[1:] {
		if c >= '1' && c <= '9' {
			return b
		}
	}
	return b[1:]
}
