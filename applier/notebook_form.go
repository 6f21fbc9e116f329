package applier

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"sync"

	"github.com/klauspost/compress/zstd"

	"github.com/octant-db/octant/relay"
)

// A conflict in the Store:
//
//	'p' | parts
//	'z' | Zstandard frame of: parts
//
//	parts: local | remote | image | the rest as JSON
//
// Each of the first three has its length in front, as an unsigned varint. They are nearly all of a conflict about long rows, and much of each stands in the others, too: written as they
// are, thousands of conflicts a second would keep the Store at merging its tables, at several times their size in memory. Conflicts of form 2 are JSON alone, so they begin with a brace.
const (
	plainNote  = 'p'
	packedNote = 'z'
)

// packFrom is how large the parts are that are worth the compression, which takes some 8 µs at least.
const packFrom = 1 << 10

// noteWindow is how far back the compression looks: over the texts and the image of a row of maxNoteImage.
const noteWindow = 64 << 10

// noteCoder compresses and inflates conflicts. Each half takes about a megabyte, so there is one, and none before the first conflict.
var noteCoder = sync.OnceValue(func() (c struct {
	in  *zstd.Encoder
	out *zstd.Decoder
}) {
	var err error
	c.in, err = zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(noteWindow), zstd.WithLowerEncoderMem(true))
	if err == nil {
		c.out, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxMemory(relay.MaxWrite*64))
	}
	if err != nil {
		panic(err) // an option that the library does not know
	}
	return c
})

// noteWriter encodes conflicts one after the other.
type noteWriter struct{ plain, packed []byte }

func (w *noteWriter) encode(c savedNote) ([]byte, error) {
	w.plain = w.plain[:0]
	for _, part := range []string{c.Local, c.Remote, string(c.Image)} {
		w.plain = append(binary.AppendUvarint(w.plain, uint64(len(part))), part...)
	}
	c.Local, c.Remote, c.Image = "", "", nil
	rest, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("save a conflict: %w", err)
	}
	w.plain = append(w.plain, rest...)
	if len(w.plain) < packFrom {
		return append([]byte{plainNote}, w.plain...), nil
	}
	w.packed = noteCoder().in.EncodeAll(w.plain, append(w.packed[:0], packedNote))
	return bytes.Clone(w.packed), nil
}

func decodeNote(data []byte) (c savedNote, err error) {
	if len(data) == 0 {
		return c, relay.ErrCorrupt
	}
	plain := data[1:]
	switch data[0] {
	case plainNote:
	case packedNote:
		if plain, err = noteCoder().out.DecodeAll(plain, nil); err != nil {
			return c, err
		}
	default:
		return c, json.Unmarshal(data, &c)
	}
	var parts [3][]byte
	for i := range parts {
		n, used := binary.Uvarint(plain)
		if used <= 0 || n > uint64(len(plain)-used) {
			return c, relay.ErrCorrupt
		}
		parts[i], plain = plain[used:used+int(n)], plain[used+int(n):]
	}
	err = json.Unmarshal(plain, &c)
	c.Local, c.Remote = string(parts[0]), string(parts[1])
	if len(parts[2]) > 0 {
		c.Image = relay.Image(parts[2])
	}
	return c, err
}
