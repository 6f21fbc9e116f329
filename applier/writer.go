package applier

import (
	"context"
	"sync"

	"github.com/octant-db/octant/relay"
)

// writer collects pairs for the Store and writes them in batches that it can take.
type writer struct {
	store relay.Store
	lock  sync.Locker // held by the caller, and let go of while the Store writes
	pairs []relay.Pair
	bytes int
}

func (w *writer) put(key, value []byte) {
	w.pairs = append(w.pairs, relay.Pair{Key: key, Value: value})
	w.bytes += len(key) + len(value)
}

func (w *writer) delete(key []byte) { w.put(key, nil) }

// maxPairs is how many pairs a batch should have: small ones cost the Store more than their bytes.
const maxPairs = 8192

// flushLarge writes if the batch has become as large as it should.
func (w *writer) flushLarge(ctx context.Context) error {
	if w.bytes < relay.MaxWrite/2 && len(w.pairs) < maxPairs {
		return nil
	}
	return w.flush(ctx)
}

func (w *writer) flush(ctx context.Context) error {
	if len(w.pairs) == 0 {
		return nil
	}
	w.lock.Unlock()
	err := w.store.Write(ctx, w.pairs)
	w.lock.Lock()
	w.pairs, w.bytes = nil, 0
	return err
}
