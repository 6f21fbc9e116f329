package relay

import (
	"context"
	"sync"
)

// Signal wakes everybody who waits for something to have changed. The zero value is ready for use.
type Signal struct {
	mu sync.Mutex
	ch chan struct{}
}

// Raise wakes all who wait.
func (s *Signal) Raise() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ch != nil {
		close(s.ch)
		s.ch = nil
	}
}

// Next returns a channel that the next Raise closes. Take it before looking at what may have changed.
func (s *Signal) Next() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ch == nil {
		s.ch = make(chan struct{})
	}
	return s.ch
}

// Wait returns once ok holds, which is looked at now and after every Raise, or when ctx ends; it then returns the cause.
func (s *Signal) Wait(ctx context.Context, ok func() bool) error {
	for {
		changed := s.Next()
		if ok() {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
