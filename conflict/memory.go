package conflict

import (
	"bytes"
	"strings"

	"github.com/octant-db/octant/relay"
)

// Memory is an Index that lives in memory alone.
type Memory struct {
	rows   map[Key]*Kept
	ages   []ages                      // by author
	claims map[string]map[Key]struct{} // by unique value

	copies bool
	met    Kept   // what Take returns
	spare  []Kept // made together
}

// NewMemory returns an empty index.
func NewMemory() *Memory {
	return &Memory{rows: make(map[Key]*Kept), claims: make(map[string]map[Key]struct{})}
}

// Copy has Take copy the images of rows: they may be cut out of whole transactions.
func (m *Memory) Copy() { m.copies = true }

// Get implements Index.
func (m *Memory) Get(k Key) (Register, bool, error) {
	r := m.rows[k]
	if r == nil {
		return Register{}, false, nil
	}
	return r.register(), true, nil
}

// Kept implements Index.
func (m *Memory) Kept(k Key) (*Kept, error) { return m.rows[k], nil }

// Put implements Index. A row that is written again keeps its place among the ages until Forget comes to it: one that is written all the
// time must not take more room for that.
func (m *Memory) Put(k Key, r Register) error {
	m.set(k, m.rows[k], keptOf(&r))
	return nil
}

// Take implements Index.
func (m *Memory) Take(k Key, w *Kept) (met *Kept, taken bool, err error) {
	old := m.rows[k]
	if old != nil {
		m.met = *old
		met = &m.met
		if old.whole != nil || old.version.After(w.version) {
			return met, false, nil
		}
	}
	now := *w
	if m.copies {
		now.image = bytes.Clone(now.image)
	}
	m.set(k, old, now)
	return met, true, nil
}

// set makes a register what it is now; old is what is kept, nil if nothing is.
func (m *Memory) set(k Key, old *Kept, now Kept) {
	now.fresh = true
	if old == nil {
		old = m.room()
		m.rows[k] = old
		m.list(k, &now)
	} else {
		m.disclaim(k, old)
	}
	m.claim(k, &now)
	*old = now
}

// roomFor is for how many registers room is made at a time. Few: as long as one of them is kept, so is the room of all.
const roomFor = 8

// room is where a new register is kept.
func (m *Memory) room() *Kept {
	if len(m.spare) == 0 {
		m.spare = make([]Kept, roomFor)
	}
	r := &m.spare[0]
	m.spare = m.spare[1:]
	return r
}

// Remove implements Index. The row's age is left where it is, and means nothing.
func (m *Memory) Remove(k Key) error {
	if r := m.rows[k]; r != nil {
		m.drop(k, r)
	}
	return nil
}

// list has Forget look at a register when its age is due.
func (m *Memory) list(k Key, r *Kept) {
	author := int(r.author())
	if author >= len(m.ages) {
		m.ages = append(m.ages, make([]ages, author+1-len(m.ages))...)
	}
	m.ages[author].add(age{r.age(), k})
}

// Forget implements Index.
func (m *Memory) Forget(cut Cut, gone func(Key, *Kept) bool) error {
	var held []Key
	for author := range m.ages {
		limit := cut.of(relay.Region(author))
		for {
			a, due := m.ages[author].next(limit)
			if !due {
				break
			}
			r := m.rows[a.key]
			switch {
			case r == nil:
			case !cut.passes(r), !gone(a.key, r):
				held = append(held, a.key)
			default:
				m.drop(a.key, r)
			}
		}
	}
	for _, k := range held {
		m.list(k, m.rows[k])
	}
	return nil
}

func (m *Memory) drop(k Key, r *Kept) {
	m.disclaim(k, r)
	delete(m.rows, k)
	*r = Kept{} // others that were made with it may stay
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

func (m *Memory) claim(k Key, r *Kept) {
	for _, u := range r.claims() {
		if m.claims[u] == nil {
			m.claims[u] = make(map[Key]struct{}, 1)
		}
		m.claims[u][k] = struct{}{}
	}
}

func (m *Memory) disclaim(k Key, r *Kept) {
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
