package relaylog

import (
	"slices"

	"github.com/octant-db/octant/relay"
)

// Coming returns a transaction that was born here and is on its way to the disk.
func (l *localStream) Coming(seq relay.Seq) (relay.Entry, relay.Body, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range slices.Backward(l.queued) {
		if e := r.head.(*relay.Entry); e.Kind == relay.Local && e.Seq == seq {
			return *e, l.body(r), r.chunks == 0
		}
	}
	return relay.Entry{}, nil, false
}

// Comes returns a channel that is closed when there may be something new in what is coming.
func (l *localStream) Comes() <-chan struct{} { return l.born.wait() }

// Losses is the number of the epoch: what was committed in an epoch that has ended is durable or lost.
func (l *localStream) Losses() uint64 { return l.db.queue.epochNow() }
