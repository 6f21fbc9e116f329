// Package pool lends things that one user at a time may have, such as connections.
package pool

import (
	"context"
	"errors"
	"io"
)

// Pool lends its members. Make it with New; it may be used from several goroutines.
type Pool[T io.Closer] struct{ free chan T }

// New returns a pool of members that nobody uses.
func New[T io.Closer](members ...T) *Pool[T] {
	p := &Pool[T]{free: make(chan T, len(members))}
	for _, m := range members {
		p.free <- m
	}
	return p
}

// Lend waits for a member and gives it to use until that returns. The error is use's, or the cause of ctx's end.
func (p *Pool[T]) Lend(ctx context.Context, use func(T) error) error {
	select {
	case m := <-p.free:
		defer func() { p.free <- m }()
		return use(m)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Close closes all members, each once it is free.
func (p *Pool[T]) Close() error {
	var errs []error
	for range cap(p.free) {
		m := <-p.free
		errs = append(errs, m.Close())
		p.free <- m
	}
	return errors.Join(errs...)
}
