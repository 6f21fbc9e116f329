package applier

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"testing"

	"github.com/octant-db/octant/conflict"
	"github.com/octant-db/octant/relay"
)

// unreliable is a Store that fails to write every batch with a key of one kind, and writes the others.
type unreliable struct {
	kind byte

	mu   sync.Mutex
	keys map[byte]int
}

func (u *unreliable) Get([]byte) ([]byte, error)             { return nil, relay.ErrNotFound }
func (u *unreliable) GetAll(keys [][]byte) ([][]byte, error) { return make([][]byte, len(keys)), nil }
func (u *unreliable) Scan(_, _ []byte) iter.Seq2[relay.Pair, error] {
	return func(func(relay.Pair, error) bool) {}
}
func (u *unreliable) Write(_ context.Context, pairs []relay.Pair) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, p := range pairs {
		if p.Key[0] == u.kind {
			return errors.New("the disk is full")
		}
	}
	for _, p := range pairs {
		u.keys[p.Key[0]]++
	}
	return nil
}

// TestRegistersFollowWhatTheyNeed: batches do not become durable in their order, yet no register is durable before the description of its
// table and the pieces of its image.
func TestRegistersFollowWhatTheyNeed(t *testing.T) {
	for _, kind := range []byte{'t', 'b'} {
		t.Run(string(kind), func(t *testing.T) {
			store := &unreliable{kind: kind, keys: make(map[byte]int)}
			x, err := openIndex(store, nil)
			if err != nil {
				t.Fatal(err)
			}
			table := &relay.Table{Schema: "app", Name: "t", Flavour: "test", Native: []byte("t")}
			size := 10
			if kind == 'b' {
				size = inlineImage + 1
			}
			for i := range 40 * maxPairs / max(1, size/100) {
				row := conflict.Row{Table: table, Image: make(relay.Image, size)}
				_ = x.Put(conflict.Key(fmt.Sprint("app.t\x00", i)), conflict.Register{Version: relay.Version{HLC: 1, Region: 1}, Row: row})
			}
			var mu sync.Mutex
			mu.Lock()
			defer mu.Unlock()
			w := &writer{store: store, lock: &mu}
			if err := errors.Join(x.save(t.Context(), w), w.flush(t.Context())); err == nil {
				t.Fatal("saved to a disk that is full")
			}
			if n := store.keys['v']; n > 0 {
				t.Errorf("%d registers are durable without what they need", n)
			}
		})
	}
}
