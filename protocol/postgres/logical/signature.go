package logical

import (
	"fmt"
	"math"

	"github.com/octant-db/octant/relay"
)

// SignaturePrefix is the prefix of the message that a relay writes into a transaction in which it does to the tables what another region did.
const SignaturePrefix = "octant.signature"

// Signature says which transaction of which region that was.
type Signature struct {
	Origin relay.Region
	Seq    relay.Seq
	HLC    relay.HLC
}

// String is the message's content.
func (s Signature) String() string {
	return fmt.Sprintf("origin=%d seq=%d hlc=%d", s.Origin, s.Seq, s.HLC)
}

// ParseSignature reads a message's content, false if it is none. Anybody can write such a message: it is to be compared with what was received.
func ParseSignature(content []byte) (Signature, bool) {
	var n [3]uint64
	if len(content) > 80 {
		return Signature{}, false
	}
	got, err := fmt.Sscanf(string(content), "origin=%d seq=%d hlc=%d", &n[0], &n[1], &n[2])
	if err != nil || got != len(n) || n[0] > math.MaxUint8 || !relay.Region(n[0]).Valid() || n[1] == 0 || n[2] > math.MaxInt64 {
		return Signature{}, false
	}
	return Signature{relay.Region(n[0]), relay.Seq(n[1]), relay.HLC(n[2])}, true
}
