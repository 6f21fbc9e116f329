package applier

import (
	"slices"

	"github.com/octant-db/octant/conflict"
)

// locks knows which flight writes which row, and which value of a unique key. The caller serialises access.
type locks struct {
	holders map[string]*flight
}

func newLocks() locks { return locks{holders: make(map[string]*flight)} }

// take gives a flight its locks, and notes the flights that it has to wait for, and which of its rows are theirs.
func (l *locks) take(f *flight, writes []conflict.Write, unique []string) {
	f.locks = make([]string, 0, len(writes)+len(unique))
	for i := range writes {
		f.locks = append(f.locks, string(writes[i].Key))
	}
	f.locks = append(f.locks, unique...)
	waits := make(map[*flight]bool)
	for _, k := range f.locks {
		if h := l.holders[k]; h != nil && h != f {
			f.share(k)
			if !waits[h] {
				waits[h] = true
				f.after = append(f.after, h)
			}
		}
		l.holders[k] = f
	}
}

// share notes a lock that another flight had when this one took off.
func (f *flight) share(lock string) {
	if f.shared == nil {
		f.shared = make(map[string]struct{})
	}
	f.shared[lock] = struct{}{}
}

// release takes the locks back, except those that a later flight has taken over. Of a flight that was given up those that it was behind may still fly: they have them again.
func (l *locks) release(f *flight) {
	if !f.committed {
		f.left = f.after
	}
	for _, k := range f.locks {
		if l.holders[k] != f {
			continue
		}
		delete(l.holders, k)
		if h := f.before(k); h != nil {
			l.holders[k] = h
		}
	}
	f.locks = nil
}

// before is the flight that has a lock of those that this one, which was given up, was behind, if any does.
func (f *flight) before(lock string) *flight {
	for other := range withLeft(f.left) {
		if slices.Contains(other.locks, lock) {
			return other
		}
	}
	return nil
}
