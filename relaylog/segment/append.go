package segment

import "fmt"

// Append makes the frame durable as the next group: one write, one sync. Then its records can be read. After an error it is unknown what is on the
// disk, and the set must be closed.
func (s *Set) Append(frame *Frame) (group uint64, err error) {
	last, before := s.newest()
	group = before + 1
	b := frame.seal(group)
	if s.torn || last.size > headSize && last.size+int64(len(b)) > s.opts.Limit {
		if err := s.grow(); err != nil {
			return 0, err
		}
		last, _ = s.newest()
	}
	offset := last.size
	if err := last.write(b, offset, s.opts.Limit); err != nil {
		return 0, err
	}
	if err := s.opts.Sync(last.f); err != nil {
		return 0, fmt.Errorf("sync %s: %w", last.f.Name(), err)
	}
	s.publish(last, frame, group, offset)
	return group, nil
}

// newest returns the segment that grows, nil if there is none yet, and the last group.
func (s *Set) newest() (last *file, group uint64) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if n := len(s.files); n > 0 {
		last = s.files[n-1]
	}
	return last, s.group
}

// publish makes what was written visible.
func (s *Set) publish(f *file, frame *Frame, group uint64, offset int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	labels := frame.labels
	for _, m := range frame.marks {
		if m.chunk {
			f.index.chunk(m.stream, m.number, m.index, offset+m.offset)
			continue
		}
		f.index.record(m.stream, m.number, offset+m.offset, labels[0])
		labels = labels[1:]
	}
	f.size = offset + int64(len(frame.b))
	f.group, s.group = group, group
}

// grow begins a new segment. What is behind the last frame of the last one is cut off first: room that was made and is not needed, or what is torn. That is never
// written over: with a cipher, no place of a file may be.
func (s *Set) grow() error {
	number := uint64(1)
	last, group := s.newest()
	if last != nil {
		number = last.number + 1
	}
	if last != nil && (s.torn || last.room > last.size) {
		if err := last.cut(); err != nil {
			return fmt.Errorf("cut off what is behind the last frame: %w", err)
		}
	}
	f, err := create(s.dir, number, group, s.opts.Cipher)
	if err != nil {
		return fmt.Errorf("begin segment %016x: %w", number, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f.group = s.group
	s.files = append(s.files, f)
	s.torn = false
	return nil
}

// Rotate begins a new segment. Only the goroutine that appends may call it.
func (s *Set) Rotate() error { return s.grow() }

// Since makes segments before number count as if they had nothing of the stream.
func (s *Set) Since(stream byte, number uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.since[stream] = number
}

// Seal writes the indexes of all full segments that have none yet, and lets go of what they need in memory.
func (s *Set) Seal() error {
	for _, f := range s.unsealed() {
		s.settleKeys(f)
		if err := f.writeIndex(f.size, f.group); err != nil {
			return fmt.Errorf("write the index of segment %016x: %w", f.number, err)
		}
		s.mu.Lock()
		err := f.adopt()
		s.mu.Unlock()
		if err != nil {
			return fmt.Errorf("read the index of segment %016x: %w", f.number, err)
		}
	}
	return nil
}

// settleKeys leaves nothing to sort while the index is being written.
func (s *Set) settleKeys(f *file) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f.index.keys = keys{runs: [][]keyPoint{f.index.keys.all()}}
}

func (s *Set) unsealed() (files []*file) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, f := range s.files[:len(s.files)-1] {
		if f.index != nil {
			files = append(files, f)
		}
	}
	return files
}

// Oldest is the number of the first segment, and how many bytes all have together.
func (s *Set) Oldest() (number uint64, bytes int64) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, f := range s.files {
		bytes += f.size
	}
	return s.files[0].number, bytes
}

// Remove removes segments from the front, as long as they are before number and dead says of every stream that has something in them that
// nobody needs it, up to top.
func (s *Set) Remove(before uint64, dead func(stream byte, top uint64) bool) (removed int, err error) {
	for {
		f := s.removable(before, dead)
		if f == nil {
			return removed, nil
		}
		if err := f.remove(); err != nil {
			return removed, err
		}
		removed++
	}
}

// removable takes the first segment out of the set if nobody needs it.
func (s *Set) removable(before uint64, dead func(stream byte, top uint64) bool) *file {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.files[0]
	if len(s.files) == 1 || f.number >= before || f.sealed == nil {
		return nil
	}
	for stream, sp := range f.sealed.spans {
		if f.number >= s.since[stream] && !dead(stream, sp.top) {
			return nil
		}
	}
	s.files = s.files[1:]
	return f
}
