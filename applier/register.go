package applier

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/octant-db/octant/conflict"
	"github.com/octant-db/octant/relay"
)

// A register in the Store is
//
//	clock(8) region(1) flags(1) table(4) deps payload
//
// Deps is what the author of the write had seen: how many regions, and by how much less than the clock each is; nothing without flagDeps.
//
// The payload of a row that the last writer wins and that has no unique values is its image; of any other register it is what form
// writes. One that is too large for a record is kept in pieces, and its length in its place.
const (
	flagExists = 1 << iota
	flagImage
	flagPieces // the payload is kept in pieces
	flagForm   // the payload is a form
	flagDeps
	flagKin   // the form says what the row's parents and children are, and which deletions of a parent there were
	flagFates // and what became of a row that can lose a parent in two ways
	flagChain // and what a row in the middle of a chain was written as, or which row's end brought that of its children
)

const headBytes = 14

// inlineImage is the largest payload that is kept with its register, and the size of a piece of larger ones.
const inlineImage = 256 << 10

// savedRegister is a register as the Store has it, but for the blocks of its history.
type savedRegister struct {
	record []byte
	owner  []byte // what the keys of its pieces begin with
}

func imagePrefix(k conflict.Key) []byte {
	return append(binary.AppendUvarint([]byte("b"), uint64(len(k))), k...)
}

// pieceOwner is what the keys of the pieces of a register's payload begin with.
func pieceOwner(k conflict.Key, hlc relay.HLC, size uint64) []byte {
	b := binary.BigEndian.AppendUint64(imagePrefix(k), uint64(hlc))
	return binary.BigEndian.AppendUint64(b, size)
}

func pieceOf(owner []byte, n int) []byte {
	return binary.BigEndian.AppendUint32(bytes.Clone(owner), uint32(n))
}

// encode makes the record of a register, whose history is in these blocks. Tables and pieces that it needs are in the Store when it returns.
func (x *index) encode(ctx context.Context, w *writer, k conflict.Key, r conflict.Register, blocks []block) (savedRegister, error) {
	var flags byte
	var table uint32
	payload := []byte(r.Row.Image)
	var err error
	if formed(r) {
		flags |= flagForm
		f := formWriter{ctx: ctx, x: x, w: w}
		f.register(r, blocks)
		if kin(r) {
			flags |= flagKin
			f.kin(r)
		}
		if fates(r) {
			flags |= flagFates
			f.fates(r)
		}
		if chain(r) {
			flags |= flagChain
			f.chain(r)
		}
		if follows(r) {
			f.follow(r)
		}
		payload, err = f.b, f.err
	} else {
		table, err = x.tables.save(ctx, w, r.Row.Table)
	}
	if err != nil {
		return savedRegister{}, err
	}
	if r.Row.Exists() {
		flags |= flagExists
	}
	if r.Row.Image != nil {
		flags |= flagImage
	}
	s := savedRegister{owner: pieceOwner(k, r.Version.HLC, uint64(len(payload)))}
	if len(payload) > inlineImage {
		flags |= flagPieces
	}
	if len(r.Deps) > 0 {
		flags |= flagDeps
	}
	b := binary.BigEndian.AppendUint64(make([]byte, 0, headBytes+6*len(r.Deps)+min(len(payload), inlineImage)), uint64(r.Version.HLC))
	b = append(b, byte(r.Version.Region), flags)
	b = appendDeps(binary.BigEndian.AppendUint32(b, table), r.Version.HLC, r.Deps)
	if flags&flagPieces == 0 {
		s.record = append(b, payload...)
		return s, nil
	}
	s.record = binary.AppendUvarint(b, uint64(len(payload)))
	return s, x.savePieces(ctx, w, s.owner, payload)
}

// formed tells whether a register needs a form.
func formed(r conflict.Register) bool {
	return r.History != nil || r.Unit != nil || len(r.Row.Unique) > 0 || r.Shown != r.Version || kin(r) || fates(r) || chain(r)
}

// fates tells whether there is more to say of that than kin does.
func fates(r conflict.Register) bool {
	return len(r.Fates) > 0 || slices.ContainsFunc(r.Ends, func(d conflict.End) bool { return d.Second })
}

// chain tells whether a register has to do with chains of foreign keys.
func chain(r conflict.Register) bool {
	return len(r.Past) > 0 || r.Until > 0 || r.Place > 0 || slices.ContainsFunc(r.Ends, func(d conflict.End) bool { return d.Place > 0 || d.Via != "" })
}

// follows tells whether a register has to do with children that follow their parents. What is said of that is behind all else, and may be missing.
func follows(r conflict.Register) bool {
	return slices.ContainsFunc(r.Fates, func(f conflict.Fate) bool { return f.Follows() }) || slices.ContainsFunc(r.Ends, func(d conflict.End) bool { return d.Follows() })
}

// kin tells whether a register has to do with foreign keys.
func kin(r conflict.Register) bool { return len(r.Row.Parents)+len(r.Row.Children)+len(r.Ends) > 0 }

// savePieces writes a payload that is too large for its register, and waits: the register must not be durable before it.
func (x *index) savePieces(ctx context.Context, w *writer, owner, payload []byte) error {
	x.large++
	if err := putPieces(ctx, w, owner, payload); err != nil {
		return err
	}
	return w.flush(ctx)
}

// putPieces cuts a payload into pieces.
func putPieces(ctx context.Context, w *writer, owner, payload []byte) error {
	for n := 0; len(payload) > 0; n++ {
		size := min(len(payload), inlineImage)
		w.put(pieceOf(owner, n), payload[:size])
		payload = payload[size:]
		if err := w.flushLarge(ctx); err != nil {
			return err
		}
	}
	return nil
}

// dropPieces removes the pieces of a payload.
func dropPieces(w *writer, owner []byte, size uint64) {
	for n := range (size + inlineImage - 1) / inlineImage {
		w.delete(pieceOf(owner, int(n)))
	}
}

func (x *index) loadPieces(owner []byte, size uint64) ([]byte, error) {
	payload := make([]byte, 0, min(size, 1<<31))
	for n := 0; uint64(len(payload)) < size; n++ {
		piece, err := x.store.Get(pieceOf(owner, n))
		if err != nil {
			return nil, fmt.Errorf("read a piece of the version index: %w", err)
		}
		payload = append(payload, piece...)
	}
	return payload[:size], nil
}

// decode reads what encode made.
func (x *index) decode(k conflict.Key, b []byte) (conflict.Register, error) {
	r, _, err := x.decodeBlocked(k, b)
	return r, err
}

// decodeBlocked is decode that also returns the blocks in which the history is.
func (x *index) decodeBlocked(k conflict.Key, b []byte) (r conflict.Register, blocks []block, err error) {
	if len(b) < headBytes {
		return r, nil, fmt.Errorf("read the version index: %w", relay.ErrCorrupt)
	}
	v := relay.Version{HLC: relay.HLC(binary.BigEndian.Uint64(b)), Region: relay.Region(b[8])}
	r = conflict.Register{Version: v, Shown: v}
	flags, payload := b[9], b[headBytes:]
	if flags&flagDeps != 0 {
		if r.Deps, payload, err = cutDeps(v.HLC, payload); err != nil {
			return r, nil, err
		}
	}
	if flags&flagPieces != 0 {
		size, _ := binary.Uvarint(payload)
		if payload, err = x.loadPieces(pieceOwner(k, v.HLC, size), size); err != nil {
			return r, nil, err
		}
	}
	switch {
	case flags&flagForm != 0:
		f := formReader{x: x, k: k, rest: payload}
		f.register(&r)
		if flags&flagKin != 0 {
			f.kin(&r)
		}
		if flags&flagFates != 0 {
			f.fates(&r)
		}
		if flags&flagChain != 0 {
			f.chain(&r)
		}
		if len(f.rest) > 0 {
			f.follow(&r)
		}
		if f.err != nil {
			return r, nil, fmt.Errorf("read the version index: %w", f.err)
		}
		blocks = f.blocks
	case flags&flagImage != 0:
		r.Row.Table, err = x.tables.table(binary.BigEndian.Uint32(b[10:]))
		r.Row.Image, r.Row.Gone = relay.Image(payload), flags&flagExists == 0
	}
	return r, blocks, err
}

func appendDeps(b []byte, clock relay.HLC, deps relay.Vector) []byte {
	if len(deps) == 0 {
		return b
	}
	b = binary.AppendUvarint(b, uint64(len(deps)))
	for _, hlc := range deps {
		b = binary.AppendVarint(b, int64(clock-hlc))
	}
	return b
}

// cutDeps takes what appendDeps wrote off b.
func cutDeps(clock relay.HLC, b []byte) (deps relay.Vector, rest []byte, err error) {
	count, n := binary.Uvarint(b)
	if n <= 0 || count > relay.MaxRegions+1 {
		return nil, nil, fmt.Errorf("read the version index: %w", relay.ErrCorrupt)
	}
	b = b[n:]
	for range count {
		less, n := binary.Varint(b)
		if n <= 0 {
			return nil, nil, fmt.Errorf("read the version index: %w", relay.ErrCorrupt)
		}
		deps, b = append(deps, clock-relay.HLC(less)), b[n:]
	}
	return deps, b, nil
}
