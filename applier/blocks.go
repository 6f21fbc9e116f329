package applier

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/octant-db/octant/conflict"
	"github.com/octant-db/octant/relay"
)

// The events of a long history are kept in blocks beside its register, so that a checkpoint writes those that are new and not all of them: while a region is away, a row that is
// written all the time has a history that grows for as long as that lasts.
//
// A block is never changed, and its number is never used again. The register lists its blocks and is written when they are durable; those that it no longer lists go in
// the same batch. What a crash leaves behind is removed with the register.
const (
	longHistory = 128      // events from which on a history is in blocks
	blockEvents = 64       // are in a block, or up to half as many more
	blockBytes  = 64 << 10 // of images, after which a block ends
)

// blocking says how histories are cut into blocks: see the constants.
type blocking struct{ long, events, bytes int }

// block is a part of a long history in the Store.
type block struct {
	number uint64 // 0: not there yet
	size   uint64 // of its record
	events []*conflict.Event
}

// blockLetter begins the keys of blocks. "e" is taken in the Store: what the database's server last said of itself.
const blockLetter = "i"

func blockPrefix(k conflict.Key) []byte {
	return append(binary.AppendUvarint([]byte(blockLetter), uint64(len(k))), k...)
}

// blockOwner is what the keys of a block's pieces begin with.
func blockOwner(k conflict.Key, number uint64) []byte {
	return binary.BigEndian.AppendUint64(blockPrefix(k), number)
}

// cut returns the blocks of a history: of those that it has in the Store each that still holds what is in the history, and new ones between them.
func (c blocking) cut(stored []block, h *conflict.History) (list []block) {
	if len(h.Events) < c.long {
		return nil
	}
	if n := len(stored) - 1; n >= 0 && len(stored[n].events) < c.events {
		stored = stored[:n] // it is filled up
	}
	done := 0
	for _, b := range stored {
		if at, whole := h.Run(b.events); whole {
			list = append(c.append(list, h.Events[done:at]), b)
			done = at + len(b.events)
		}
	}
	return c.append(list, h.Events[done:])
}

// append adds new blocks of events to a list, the last of which may be larger than the others.
func (c blocking) append(list []block, events []*conflict.Event) []block {
	for n, size := 0, 0; len(events) > 0; {
		size += len(events[n].Before.Image) + len(events[n].After.Image)
		if n++; n == len(events) || size >= c.bytes || n >= c.events && len(events)-n > c.events/2 {
			list = append(list, block{events: append([]*conflict.Event(nil), events[:n]...)})
			events, n, size = events[n:], 0, 0
		}
	}
	return list
}

// saveBlocks writes the blocks of those of some registers that have long histories, and waits until they are durable. The registers must not be before them.
func (x *index) saveBlocks(ctx context.Context, w *writer, fresh []conflict.Key) (lists map[conflict.Key][]block, err error) {
	lists = make(map[conflict.Key][]block)
	for _, k := range fresh {
		if r, _, _ := x.hot.Get(k); r.History != nil {
			if list := x.blocking.cut(x.blocks[k], r.History); list != nil {
				lists[k] = list
			}
		}
	}
	if len(lists) == 0 {
		return lists, nil
	}
	for k, list := range lists {
		x.long[k] = struct{}{}
		for i := range list {
			if err := x.saveBlock(ctx, w, k, &list[i]); err != nil {
				return nil, err
			}
		}
	}
	return lists, w.flush(ctx)
}

func (x *index) saveBlock(ctx context.Context, w *writer, k conflict.Key, b *block) error {
	if b.number > 0 {
		return nil
	}
	f := formWriter{ctx: ctx, x: x, w: w}
	f.events(b.events)
	if f.err != nil {
		return f.err
	}
	x.lastBlock++
	b.number, b.size = x.lastBlock, uint64(len(f.b))
	return putPieces(ctx, w, blockOwner(k, b.number), f.b)
}

// replaceBlocks has a register's blocks be these, and removes the others. Its register is in the same batch.
func (x *index) replaceBlocks(w *writer, k conflict.Key, list []block) {
	if list == nil && x.blocks[k] == nil {
		return
	}
	kept := make(map[uint64]bool, len(list))
	for _, b := range list {
		kept[b.number] = true
	}
	for _, b := range x.blocks[k] {
		if !kept[b.number] {
			dropPieces(w, blockOwner(k, b.number), b.size)
		}
	}
	if x.blocks[k] = list; list == nil {
		delete(x.blocks, k)
	}
}

// removeBlocks removes everything that the Store has of a key's history beside its register.
func (x *index) removeBlocks(w *writer, k conflict.Key) error {
	if _, long := x.long[k]; !long {
		return nil
	}
	delete(x.long, k)
	delete(x.blocks, k)
	return x.removeUnder(w, blockPrefix(k), nil)
}

// sweepBlocks removes blocks that a crash has left behind without a register.
func (x *index) sweepBlocks(w *writer) error {
	for k := range x.long {
		if x.isHot(k) {
			continue
		}
		_, err := x.store.Get(registerKey(k))
		if errors.Is(err, relay.ErrNotFound) {
			err = x.removeBlocks(w, k)
		}
		if err != nil {
			return fmt.Errorf("sweep the version index: %w", err)
		}
	}
	return nil
}

// findBlocks finds out which rows have long histories in the Store, and which numbers of blocks have been used.
func (x *index) findBlocks() error {
	x.long = make(map[conflict.Key]struct{})
	for pair, err := range x.store.Scan([]byte(blockLetter), nil) {
		if err != nil {
			return fmt.Errorf("open the version index: %w", err)
		}
		size, n := binary.Uvarint(pair.Key[1:])
		rest := pair.Key[1+max(n, 0):]
		if n <= 0 || size+8 > uint64(len(rest)) {
			return fmt.Errorf("open the version index: %w", relay.ErrCorrupt)
		}
		x.long[conflict.Key(rest[:size])] = struct{}{}
		x.lastBlock = max(x.lastBlock, binary.BigEndian.Uint64(rest[size:]))
	}
	return nil
}
