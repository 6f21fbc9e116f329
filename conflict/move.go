package conflict

import (
	"slices"
	"strings"

	"github.com/octant-db/octant/relay"
)

// A region that joins begins as the copy of a running one, its donor: with the donor's rows as they were at one entry of the donor's log, and with the
// donor's M at that entry. Everything is then as if the newcomer had merged all that the donor had. What is different is whose log it is: the
// donor's own transactions are those of another region for the newcomer. Its log begins behind the number of that entry, so that what histories
// say of places in the log stays right.

// Moved is the snapshot for a newcomer to go on from, of the donor whose snapshot this is. last is the donor's own last transaction that was merged.
func (s Snapshot) Moved(donor relay.Region, last relay.SeqHLC) Snapshot {
	s.Seen = slices.Clone(s.Seen)
	for int(donor) >= len(s.Seen) {
		s.Seen = append(s.Seen, relay.SeqHLC{})
	}
	s.Seen[donor] = last
	return s
}

// A donor of another engine identifies rows by other rules. So a newcomer makes keys, unique values and ties anew, of the rows. What is left is what M keeps under keys that no row has.

// Parent is the name of a parent whose ends M keeps under a key.
func (k Key) Parent() (name string, ends bool) {
	return strings.CutPrefix(string(k), string(endKey("")))
}

// EndsOf is the key under which M keeps the ends of a parent.
func EndsOf(parent string) Key { return endKey(parent) }
