package conflict

import (
	"strings"

	"github.com/octant-db/octant/relay"
)

// Memory is an Index that lives in memory alone.
type Memory struct {
	rows   map[Key]kept
	ages   ages
	claims map[string]map[Key]struct{} // by unique value
}

// NewMemory returns an empty index.
func NewMemory() *Memory {
	return &Memory{rows: make(map[Key]kept), claims: make(map[string]map[Key]struct{})}
}

// Get implements Index.
func (m *Memory) Get(k Key) (Register, bool, error) {
	r, ok := m.rows[k]
	if !ok {
		return Register{}, false, nil
	}
	return r.register(), true, nil
}

// Put implements Index. A row that is written again keeps its place among the ages until Forget comes to it: one that is written all the
// time must not take more room for that.
func (m *Memory) Put(k Key, r Register) error {
	old, known := m.rows[k]
	now := keptOf(&r)
	m.disclaim(k, &old)
	m.claim(k, &now)
	m.rows[k] = now
	if !known {
		m.ages.add(age{now.age(), k})
	}
	return nil
}

// Remove implements Index. The row's age is left where it is, and means nothing.
func (m *Memory) Remove(k Key) error {
	if r, known := m.rows[k]; known {
		m.drop(k, &r)
	}
	return nil
}

// Forget implements Index.
func (m *Memory) Forget(limit relay.HLC, keep func(Key) bool) error {
	var held []age
	for {
		a, due := m.ages.next(limit)
		if !due {
			break
		}
		r, known := m.rows[a.key]
		switch {
		case !known:
		case r.age() > limit:
			m.ages.add(age{r.age(), a.key})
		case keep(a.key):
			held = append(held, a)
		default:
			m.drop(a.key, &r)
		}
	}
	for _, a := range held {
		m.ages.add(a)
	}
	return nil
}

func (m *Memory) drop(k Key, r *kept) {
	m.disclaim(k, r)
	delete(m.rows, k)
}

// Claims implements Index.
func (m *Memory) Claims(value string) ([]Key, error) {
	keys := make([]Key, 0, len(m.claims[value]))
	for k := range m.claims[value] {
		keys = append(keys, k)
	}
	return keys, nil
}

// Under implements Index.
func (m *Memory) Under(prefix Key) ([]Key, error) {
	var keys []Key
	for k := range m.rows {
		if strings.HasPrefix(string(k), string(prefix)) {
			keys = append(keys, k)
		}
	}
	return keys, nil
}

func (m *Memory) claim(k Key, r *kept) {
	for _, u := range r.claims() {
		if m.claims[u] == nil {
			m.claims[u] = make(map[Key]struct{}, 1)
		}
		m.claims[u][k] = struct{}{}
	}
}

func (m *Memory) disclaim(k Key, r *kept) {
	for _, u := range r.claims() {
		if delete(m.claims[u], k); len(m.claims[u]) == 0 {
			delete(m.claims, u)
		}
	}
}

// Len implements Index.
func (m *Memory) Len() int { return len(m.rows) }

// All yields every register, in no order.
func (m *Memory) All(yield func(Key, Register) bool) {
	for k, r := range m.rows {
		if !yield(k, r.register()) {
			return
		}
	}
}
