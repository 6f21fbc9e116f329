package relay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
)

// loss is a region that was declared lost.
type loss struct {
	Region Region
	Name   string
	Store  string // its log's name: who comes back with another one has joined again; "": not known
	Level  bool   // our database shows everything of it that any survivor has
	Gone   bool   // so does everybody's
}

// is tells whether a survivor speaks of the same loss.
func (l *loss) is(w LostRegion) bool {
	return l.Region == w.Region && (l.Store == w.Store || l.Store == "" || w.Store == "")
}

// losses is what is remembered of lost regions, across restarts too, and also when they are no longer configured.
type losses struct {
	facts Store

	mu     sync.Mutex // guards list
	list   map[Region]loss
	saving sync.Mutex // held while one is changed
}

var lossesKey = []byte("G")

func loadLosses(facts Store) (*losses, error) {
	l := &losses{facts: facts, list: make(map[Region]loss)}
	data, err := facts.Get(lossesKey)
	if errors.Is(err, ErrNotFound) {
		return l, nil
	}
	var list []loss
	if err == nil {
		err = json.Unmarshal(data, &list)
	}
	if err != nil {
		return nil, fmt.Errorf("read which regions are lost: %w", err)
	}
	for _, x := range list {
		l.list[x.Region] = x
	}
	return l, nil
}

// get returns what is known of a region's loss.
func (l *losses) get(r Region) (loss, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	x, lost := l.list[r]
	return x, lost
}

// all returns the losses by region.
func (l *losses) all() []loss {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := make([]loss, 0, len(l.list))
	for _, r := range slices.Sorted(maps.Keys(l.list)) {
		list = append(list, l.list[r])
	}
	return list
}

// change makes a change durable before anybody sees it. changed gets a copy of the list; it tells whether there is anything to write.
func (l *losses) change(ctx context.Context, changed func(map[Region]loss) bool) error {
	l.saving.Lock()
	defer l.saving.Unlock()
	l.mu.Lock()
	next := maps.Clone(l.list)
	l.mu.Unlock()
	if !changed(next) {
		return nil
	}
	list := slices.SortedFunc(maps.Values(next), func(a, b loss) int { return int(a.Region) - int(b.Region) })
	data, err := json.Marshal(list)
	if err == nil {
		err = l.facts.Write(ctx, []Pair{{Key: lossesKey, Value: data}})
	}
	if err != nil {
		return fmt.Errorf("note which regions are lost: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = next
	return nil
}

func (l *losses) put(ctx context.Context, x loss) error {
	return l.change(ctx, func(list map[Region]loss) bool {
		was, known := list[x.Region]
		list[x.Region] = x
		return !known || was != x
	})
}

func (l *losses) remove(ctx context.Context, r Region) error {
	return l.change(ctx, func(list map[Region]loss) bool {
		_, known := list[r]
		delete(list, r)
		return known
	})
}
