package segment

import "slices"

// Chunks reads the chunks of one record in order.
type Chunks struct {
	set    *Set
	stream byte
	number uint64
	file   *file // where the last one was
	offset uint32
}

// Chunks returns a reader of a record's chunks.
func (s *Set) Chunks(stream byte, number uint64) *Chunks {
	return &Chunks{set: s, stream: stream, number: number}
}

// Read returns a copy of a chunk, which must be the first one or follow the one that was read last. Chunks that were given up before have the same
// numbers and stand before the first right one.
func (c *Chunks) Read(i uint32) (value []byte, found bool, err error) {
	if c.file == nil {
		found, err = c.search(i)
	} else {
		found, err = c.follow(i)
	}
	if !found || err != nil {
		return nil, found, err
	}
	value, err = c.file.value(int64(c.offset))
	return value, err == nil, err
}

// search looks from the end.
func (c *Chunks) search(i uint32) (bool, error) {
	for _, f := range slices.Backward(c.set.list()) {
		found, err := c.look(f, i, 0)
		if found || err != nil || c.set.begins(f, c.stream, c.number) {
			return found, err
		}
	}
	return false, nil
}

// follow looks behind the last chunk.
func (c *Chunks) follow(i uint32) (bool, error) {
	after := c.offset + 1
	for _, f := range c.set.list() {
		if f.number < c.file.number {
			continue
		}
		if found, err := c.look(f, i, after); found || err != nil {
			return found, err
		}
		after = 0
	}
	return false, nil
}

// look searches one segment from an offset on.
func (c *Chunks) look(f *file, i, after uint32) (found bool, err error) {
	var offset uint32
	err = c.set.look(f, func(x *index) { offset, found = lastChunk(x.chunks, c.stream, c.number, i) },
		func(t *tables) { offset, found = lastChunk(t.chunks, c.stream, c.number, i) })
	if err != nil || !found || offset < after {
		return false, err
	}
	c.file, c.offset = f, offset
	return true, nil
}

// begins tells whether nothing of the record can be before the segment: a record before it is in there, or the stream begins there.
func (s *Set) begins(f *file, stream byte, number uint64) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	sp, ok := s.spanOf(f, stream)
	return f.number <= s.since[stream] || ok && sp.last > 0 && sp.first < number
}

// value returns what the item at the offset holds.
func (f *file) value(offset int64) ([]byte, error) {
	head := make([]byte, chunkHeader)
	if err := f.readAt(head, offset); err != nil {
		return nil, err
	}
	size, err := itemSize(head)
	if err != nil {
		return nil, err
	}
	b := make([]byte, size)
	if err := f.readAt(b, offset); err != nil {
		return nil, err
	}
	it, err := parseItem(b)
	return it.Value, err
}
