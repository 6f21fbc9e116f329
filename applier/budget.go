package applier

import (
	"context"

	"golang.org/x/sync/semaphore"
)

// What decoded transactions that have not yet been seen in the local log may hold, in bytes.
const (
	reserve = 2 << 20  // of each origin, so that one that is held up does not hold up the others
	pool    = 24 << 20 // of all origins together, beyond that
)

// budget bounds one origin's share.
type budget struct {
	own  *semaphore.Weighted
	pool *semaphore.Weighted // of all origins
}

// grant is what an acquisition has to give back.
type grant struct {
	from *semaphore.Weighted
	n    int64
}

func newBudget(pool *semaphore.Weighted) budget {
	return budget{own: semaphore.NewWeighted(reserve), pool: pool}
}

// acquire waits for room for n bytes. What does not fit into the reserve at all takes it whole, or has its place in the pool.
func (b budget) acquire(ctx context.Context, n int64) (grant, error) {
	if b.own.TryAcquire(n) {
		return grant{b.own, n}, nil
	}
	if b.pool.TryAcquire(n) {
		return grant{b.pool, n}, nil
	}
	n = min(n, reserve)
	return grant{b.own, n}, b.own.Acquire(ctx, n)
}

func (g grant) release() { g.from.Release(g.n) }
