package relay

import (
	"context"
	"fmt"
)

// Hello is how a relay introduces itself to another one, from either side.
type Hello struct {
	Cluster  string
	Name     string // the region's name
	Region   Region
	Store    string  // a random name that the relay's log got when it was made; tells a lost store from an old one
	Protocol int     // the newest version of feeds that it speaks; see FeedProtocol
	Oldest   int     // the oldest one
	Rules    string  // its rules of conflicts, as its configuration writes them; "" if it has none
	Flavour  Flavour // of its database; "": it does not say
}

// FeedProtocol is the newest version of the relay-to-relay conversation that this program speaks, and FeedOldest the oldest. A release that
// changes the conversation speaks the one before it too, so that relays can be upgraded one by one. What is only added at the end of a message needs no
// new version: readers pass over what they do not know.
const (
	FeedProtocol = 2
	FeedOldest   = 1
	feedAhead    = 2 // the first one in which transactions are sent ahead
)

// What a publisher sends ahead of its disk, at most: larger transactions, and more of them, wait until they are durable.
const (
	MaxAheadBytes = 16 << 10 // native bytes of one
	MaxAhead      = 32       // not yet confirmed
)

// Agree returns the newest version of feeds that both relays speak.
func Agree(one, other Hello) (int, error) {
	version := min(one.Protocol, other.Protocol)
	if version < max(one.Oldest, other.Oldest) {
		return 0, fmt.Errorf("the relay of region %s speaks versions %d to %d of the feed, that of region %s versions %d to %d: upgrade the older one "+
			"by a release in between", one.Name, one.Oldest, one.Protocol, other.Name, other.Oldest, other.Protocol)
	}
	return version, nil
}

// Publisher is what a relay offers to the others.
type Publisher interface {
	// Open starts a feed of what is wanted. A subscriber that is not of this cluster, has this
	// region's id, or asks for what is gone is refused with an error that tells its operator what to do.
	Open(ctx context.Context, from Hello, w Want) (Hello, Feed, error)
}

// Dialer reaches other relays' publishers.
type Dialer interface {
	// Subscribe opens a feed from the peer at address. It returns the peer's own Hello.
	Subscribe(ctx context.Context, to Peer, self Hello, w Want) (Hello, Feed, error)
}

// Want says which transactions a subscriber asks for.
type Want struct {
	// Origin is the lost region whose transactions a survivor shall give, as far as it has them; 0: the publisher's own are wanted.
	Origin Region
	// First is the sequence to begin with; of the publisher's own 0 is for who only asks, and begins after the last.
	First Seq
}

// Peer is another region's relay as it is configured.
type Peer struct {
	Name     string
	Address  string // host:port of its listen.mysql
	User     string
	Password string `json:"-"`
}

// Feed yields what a publisher sends. A transaction is a Message with Transaction or Ahead, any number with Chunk, and one with
// End; the others come between transactions only. What was sent ahead is confirmed before anything is sent that is durable, and what is not confirmed
// when the feed ends was never sent.
type Feed interface {
	// Next waits for the next message. What it returns may be kept.
	Next(ctx context.Context) (Message, error)
	// Close ends the feed; a waiting Next returns.
	Close() error
}

// Message is one step of a feed: exactly one field is set.
type Message struct {
	Transaction *Transaction
	Ahead       *Transaction // one that is not yet on the publisher's disk
	Confirmed   Seq          // all up to this one are
	Chunk       []byte
	End         bool
	Heartbeat   *Heartbeat
}

// Heartbeat is what a relay says of itself between its transactions, so that idle regions do not hold back the others.
type Heartbeat struct {
	Last      Seq    // of the last transaction born here
	Promise   HLC    // every later transaction of this region will be above it
	Announced Vector // what this region's database shows for good: seen while nothing waited for repair
	Received  []Seq  // by region id: what this relay holds durably of each other region
	Wall      int64  // the sender's physical clock, µs since the Unix epoch, for measuring the offset
	Lost      []LostRegion
	Echoes    []Echo // by region id: the heartbeats that this relay read last
}

// echo is what is said of a region's heartbeat.
func (h *Heartbeat) echo(of Region) Echo {
	if int(of) < len(h.Echoes) {
		return h.Echoes[of]
	}
	return Echo{}
}

// LostRegion is what a survivor says of a region that has been declared lost.
type LostRegion struct {
	Region Region
	Name   string
	Store  string // the name of its log; "": not known
	Survivor
}
