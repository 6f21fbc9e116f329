package conflict

import (
	"container/heap"
	"strings"

	"github.com/octant-db/octant/relay"
)

// Memory is an Index that lives in memory alone.
type Memory struct {
	rows   map[Key]Register
	ages   ages
	claims map[string]map[Key]struct{} // by unique value
}

// NewMemory returns an empty index.
func NewMemory() *Memory {
	return &Memory{rows: make(map[Key]Register), claims: make(map[string]map[Key]struct{})}
}

// Get implements Index.
func (m *Memory) Get(k Key) (Register, bool, error) {
	r, ok := m.rows[k]
	return r, ok, nil
}

// Put implements Index. A row that is written again keeps its place among the ages until Forget comes to it: one that is written all the
// time must not take more room for that.
func (m *Memory) Put(k Key, r Register) error {
	old, known := m.rows[k]
	m.disclaim(k, &old)
	m.claim(k, &r)
	m.rows[k] = r
	if !known {
		heap.Push(&m.ages, age{r.Age(), k})
	}
	return nil
}

// Remove implements Index. The row's age is left where it is, and means nothing.
func (m *Memory) Remove(k Key) error {
	r := m.rows[k]
	m.disclaim(k, &r)
	delete(m.rows, k)
	return nil
}

// Forget implements Index.
func (m *Memory) Forget(limit relay.HLC, keep func(Key) bool) error {
	var kept []age
	for len(m.ages) > 0 && m.ages[0].hlc <= limit {
		a := heap.Pop(&m.ages).(age)
		r, known := m.rows[a.key]
		switch {
		case !known:
		case r.Age() > limit:
			heap.Push(&m.ages, age{r.Age(), a.key})
		case keep(a.key):
			kept = append(kept, a)
		default:
			m.disclaim(a.key, &r)
			delete(m.rows, a.key)
		}
	}
	for _, a := range kept {
		heap.Push(&m.ages, a)
	}
	return nil
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

func (m *Memory) claim(k Key, r *Register) {
	for _, u := range r.Claims() {
		if m.claims[u] == nil {
			m.claims[u] = make(map[Key]struct{}, 1)
		}
		m.claims[u][k] = struct{}{}
	}
}

func (m *Memory) disclaim(k Key, r *Register) {
	for _, u := range r.Claims() {
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
		if !yield(k, r) {
			return
		}
	}
}

// age is when a row is to be looked at: the clock that its register had, which may be later now. Each row has one at least.
type age struct {
	hlc relay.HLC
	key Key
}

// ages is a heap, the oldest first.
type ages []age

func (a ages) Len() int           { return len(a) }
func (a ages) Less(i, j int) bool { return a[i].hlc < a[j].hlc }
func (a ages) Swap(i, j int)      { a[i], a[j] = a[j], a[i] }
func (a *ages) Push(x any)        { *a = append(*a, x.(age)) }
func (a *ages) Pop() any {
	last := len(*a) - 1
	x := (*a)[last]
	(*a)[last] = age{}
	*a = (*a)[:last]
	return x
}
