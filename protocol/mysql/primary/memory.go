package primary

import "golang.org/x/sync/semaphore"

// memory counts the bytes that are buffered for all clients together.
type memory struct{ room *semaphore.Weighted }

func newMemory(bytes int64) *memory { return &memory{room: semaphore.NewWeighted(bytes)} }

// take reserves bytes, and tells whether there was room. Nobody waits: a client that waits for others' memory holds on to its own.
func (m *memory) take(bytes int64) bool { return m.room.TryAcquire(bytes) }

func (m *memory) give(bytes int64) { m.room.Release(bytes) }
