package applier

import (
	"context"
	"sync"
)

// signal wakes everybody who waits for something to have changed.
type signal struct {
	mu sync.Mutex
	ch chan struct{}
}

// raise wakes all who wait.
func (s *signal) raise() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ch != nil {
		close(s.ch)
		s.ch = nil
	}
}

// next returns a channel that the next raise closes.
func (s *signal) next() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ch == nil {
		s.ch = make(chan struct{})
	}
	return s.ch
}

// wait returns once ok holds, which is looked at after every raise, or when ctx ends.
func (s *signal) wait(ctx context.Context, ok func() bool) error {
	for {
		changed := s.next()
		if ok() {
			return nil
		}
		if err := wait(ctx, changed); err != nil {
			return err
		}
	}
}
