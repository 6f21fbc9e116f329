package relaylog

import (
	"sync"

	"github.com/octant-db/octant/relay"
)

// cache keeps the newest records of all streams, so that readers at the tail need no disk. What came first leaves first.
type cache struct {
	limit int64

	mu    sync.Mutex
	bytes int64
	tails [relay.MaxRegions + 1][]*record // by stream: consecutive records up to the last one
	order []byte                          // the streams of all cached records, in the order in which they came
	gone  int                             // how many at the front of order have left
}

func newCache(limit int64) *cache { return &cache{limit: limit} }

// add puts the stream's next record in.
func (c *cache) add(stream byte, r *record) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tails[stream] = append(c.tails[stream], r)
	c.order = append(c.order, stream)
	c.bytes += r.memory
	for c.bytes > c.limit {
		c.dropOldest()
	}
	if c.gone > len(c.order)/2 {
		c.order = append(c.order[:0], c.order[c.gone:]...)
		c.gone = 0
	}
}

func (c *cache) dropOldest() {
	stream := c.order[c.gone]
	c.gone++
	tail := c.tails[stream]
	if len(tail) == 0 {
		return // forgotten
	}
	c.bytes -= tail[0].memory
	tail[0] = nil
	c.tails[stream] = tail[1:]
}

// get returns up to limit records from the number on, none if that is not in the cache.
func (c *cache) get(stream byte, from uint64, limit int) []*record {
	c.mu.Lock()
	defer c.mu.Unlock()
	tail := c.tails[stream]
	if len(tail) == 0 || from < tail[0].number || from > tail[len(tail)-1].number {
		return nil
	}
	tail = tail[from-tail[0].number:]
	return append([]*record(nil), tail[:min(limit, len(tail))]...)
}

// forget drops a stream's records.
func (c *cache) forget(stream byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range c.tails[stream] {
		c.bytes -= r.memory
	}
	c.tails[stream] = nil
}
