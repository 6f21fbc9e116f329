package applier

import (
	"encoding/binary"
	"fmt"
	"iter"

	"github.com/octant-db/octant/relay"
)

// AppendPair appends a key and its value, each with its length in front.
func AppendPair(b []byte, p relay.Pair) []byte {
	b = append(binary.AppendUvarint(b, uint64(len(p.Key))), p.Key...)
	return append(binary.AppendUvarint(b, uint64(len(p.Value))), p.Value...)
}

// cutPair reads a pair from the front of b and says how long it is; 0: b has not all of it.
func cutPair(b []byte) (p relay.Pair, n int) {
	var fields [2][]byte
	for i := range fields {
		size, k := binary.Uvarint(b[n:])
		if k <= 0 || size > uint64(len(b)-n-k) {
			return p, 0
		}
		n += k
		fields[i] = b[n : n+int(size)]
		n += int(size)
	}
	return relay.Pair{Key: fields[0], Value: fields[1]}, n
}

// PairsOf reads pairs that [AppendPair] wrote, from pieces of any size.
func PairsOf(pieces iter.Seq2[[]byte, error]) iter.Seq2[relay.Pair, error] {
	return func(yield func(relay.Pair, error) bool) {
		var rest []byte
		for piece, err := range pieces {
			if err != nil {
				yield(relay.Pair{}, err)
				return
			}
			rest = append(rest, piece...)
			for {
				pair, n := cutPair(rest)
				if n == 0 {
					break
				}
				rest = rest[n:]
				if !yield(pair, nil) {
					return
				}
			}
		}
		if len(rest) > 0 {
			yield(relay.Pair{}, fmt.Errorf("read what the donor knows: %w", relay.ErrCorrupt))
		}
	}
}
