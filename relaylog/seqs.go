package relaylog

import (
	"sync"

	"github.com/octant-db/octant/relay"
)

// seqsKept is how many sequences are remembered: 1 MiB, many more than fit into the cache of records.
const seqsKept = 64 << 10

// seqs remembers where the newest Local entries are. Whoever starts to publish asks for the newest ones, and Badger would
// let him wait for the group that is being synced: its every read first waits for all commits begun before it.
type seqs struct {
	mu    sync.Mutex
	slots []slot // by sequence modulo seqsKept
}

type slot struct {
	seq relay.Seq
	lsn relay.LSN
}

func newSeqs() *seqs { return &seqs{slots: make([]slot, seqsKept)} }

// add remembers a visible entry. An older one does not displace a newer one.
func (q *seqs) add(seq relay.Seq, lsn relay.LSN) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if s := &q.slots[seq%seqsKept]; s.seq <= seq {
		*s = slot{seq, lsn}
	}
}

// get returns the place of the entry, if it is remembered. No entry has the sequence 0.
func (q *seqs) get(seq relay.Seq) (relay.LSN, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	s := q.slots[seq%seqsKept]
	return s.lsn, seq > 0 && s.seq == seq
}
