package applier

import "github.com/octant-db/octant/conflict"

// locks knows which flight writes which row, and which value of a unique key. The caller serialises access.
type locks struct {
	holders map[string]*flight
}

func newLocks() locks { return locks{holders: make(map[string]*flight)} }

// take gives a flight its locks, and notes the flights that it has to wait for.
func (l *locks) take(f *flight, writes []conflict.Write, unique []string) {
	f.locks = make([]string, 0, len(writes)+len(unique))
	for i := range writes {
		f.locks = append(f.locks, string(writes[i].Key))
	}
	f.locks = append(f.locks, unique...)
	waits := make(map[*flight]bool)
	for _, k := range f.locks {
		if h := l.holders[k]; h != nil && h != f && !waits[h] {
			waits[h] = true
			f.after = append(f.after, h)
		}
		l.holders[k] = f
	}
}

// release takes the locks back, except those that a later flight has taken over.
func (l *locks) release(f *flight) {
	for _, k := range f.locks {
		if l.holders[k] == f {
			delete(l.holders, k)
		}
	}
	f.locks = nil
}
