package pool_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/octant-db/octant/internal/pool"
)

// member notes how many use it at a time.
type member struct {
	users, closed atomic.Int32
	err           error
}

func (m *member) Close() error {
	m.closed.Add(1)
	return m.err
}

func TestOneUserAtATime(t *testing.T) {
	a, b := &member{}, &member{err: errors.New("it is broken")}
	p := pool.New(a, b)
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			err := p.Lend(t.Context(), func(m *member) error {
				defer m.users.Add(-1)
				if m.users.Add(1) > 1 {
					return errors.New("two users at a time")
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if err := p.Close(); !errors.Is(err, b.err) || a.closed.Load() != 1 || b.closed.Load() != 1 {
		t.Errorf("closed %d and %d times, %v", a.closed.Load(), b.closed.Load(), err)
	}
}

func TestNobodyWaitsLongerThanHeWants(t *testing.T) {
	p := pool.New(&member{})
	why := errors.New("no time")
	err := p.Lend(t.Context(), func(*member) error {
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(why)
		return p.Lend(ctx, func(*member) error { return nil })
	})
	if !errors.Is(err, why) {
		t.Errorf("the error is %v", err)
	}
}
