package applier

import (
	"context"
	"errors"
	"sync"

	"github.com/octant-db/octant/relay"
)

// writer collects pairs for the Store and writes them in batches that it can take. Several batches are on their way at a time, so
// that one sync serves them all; their order does not matter until flush.
type writer struct {
	store relay.Store
	lock  sync.Locker // held by the caller, and let go of while the Store writes
	pairs []relay.Pair
	bytes int

	sent []chan error // batches on their way, the oldest first
}

func (w *writer) put(key, value []byte) {
	w.pairs = append(w.pairs, relay.Pair{Key: key, Value: value})
	w.bytes += len(key) + len(value)
}

func (w *writer) delete(key []byte) { w.put(key, nil) }

// maxPairs is how many pairs a batch should have: small ones cost the Store more than their bytes.
const maxPairs = 8192

// maxSent is how many batches may be on their way.
const maxSent = 6

// flushLarge sends a batch off if it has become as large as it should. When ctx has ended, nothing more is sent.
func (w *writer) flushLarge(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if w.bytes < relay.MaxWrite/2 && len(w.pairs) < maxPairs {
		return nil
	}
	w.send(ctx)
	if len(w.sent) < maxSent {
		return nil
	}
	if err := w.await(1); err != nil {
		return errors.Join(err, w.await(len(w.sent)))
	}
	return nil
}

// flush sends off what is left and waits until everything is durable. Nothing is on its way after it, whatever it returns.
func (w *writer) flush(ctx context.Context) error {
	w.send(ctx)
	return w.await(len(w.sent))
}

// settle waits for what is still on its way after something went wrong.
func (w *writer) settle() { _ = w.await(len(w.sent)) }

func (w *writer) send(ctx context.Context) {
	if len(w.pairs) == 0 {
		return
	}
	pairs, done := w.pairs, make(chan error, 1)
	// A write that was left alone could still happen after the next look at the Store.
	ctx = context.WithoutCancel(ctx)
	go func() { done <- w.store.Write(ctx, pairs) }()
	w.sent = append(w.sent, done)
	w.pairs, w.bytes = nil, 0
}

// await waits for the n oldest batches.
func (w *writer) await(n int) error {
	w.lock.Unlock()
	defer w.lock.Lock()
	var errs []error
	for _, done := range w.sent[:n] {
		errs = append(errs, <-done)
	}
	w.sent = w.sent[n:]
	return errors.Join(errs...)
}
