package binlog

import "sync"

// cacheBytes bounds the descriptions that a TableCache keeps.
const cacheBytes = 16 << 20

// TableCache gives equal descriptions the same Schema, and so the same *relay.Table. It is safe for use from several
// goroutines. It forgets everything when it holds too much, so callers that keep something per table must bound that too.
type TableCache struct {
	parse func([]byte) (*Schema, error)

	mu    sync.Mutex
	known map[string]*Schema
	bytes int
}

// NewTableCache returns an empty cache of MariaDB's tables.
func NewTableCache() *TableCache { return &TableCache{parse: ParseTable, known: map[string]*Schema{}} }

// NewMySQLTableCache returns an empty cache of MySQL's tables. The two must not be mixed: a description does not say whose it is.
func NewMySQLTableCache() *TableCache {
	return &TableCache{parse: ParseMySQLTable, known: map[string]*Schema{}}
}

// Get returns the table that native describes. Native is copied if it is kept.
func (c *TableCache) Get(native []byte) (*Schema, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s, ok := c.known[string(native)]; ok {
		return s, nil
	}
	s, err := c.parse(native)
	if err != nil {
		return nil, err
	}
	size := 1024 + 4*len(native) + 256*len(s.columns) // about what it takes in memory
	if c.bytes += size; c.bytes > cacheBytes {
		clear(c.known)
		c.bytes = size
	}
	c.known[string(native)] = s
	return s, nil
}
