package join

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/octant-db/octant/applier"
	"github.com/octant-db/octant/relay"
)

// note is how far a region has come, in its store.
type note struct {
	Donor  string // the name of its log
	Begin  relay.LSN
	Redone relay.LSN // the log has been done again up to here
	Loaded bool
	Keep   bool
	Tables []tableNote
	Unfit  []applier.Unfit // rows of another engine that cannot stand here, of those that have come
}

type tableNote struct {
	Name     string
	Estimate uint64 // rows
	Copied   uint64
	After    relay.RowKey // rows up to here have been copied
	Done     bool
}

var noteKey = []byte("j")

func (n *Newcomer) load() (known bool, err error) {
	known, n.note, err = loadNote(n.Store)
	return known, err
}

func loadNote(store relay.Store) (known bool, n note, err error) {
	data, err := store.Get(noteKey)
	if errors.Is(err, relay.ErrNotFound) {
		return false, n, nil
	}
	if err == nil {
		err = json.Unmarshal(data, &n)
	}
	if err != nil {
		return false, n, fmt.Errorf("join: read how far it has come: %w", err)
	}
	return true, n, nil
}

func (n *Newcomer) save(ctx context.Context) error {
	if n.foreign {
		n.note.Unfit = n.Redo.Unfit()
	}
	data, err := json.Marshal(n.note)
	if err == nil {
		err = n.Store.Write(ctx, []relay.Pair{{Key: noteKey, Value: data}})
	}
	if err != nil {
		return fmt.Errorf("join: note how far it has come: %w", err)
	}
	return nil
}

// Unfinished tells whether a store is one of a region that has begun to join and has not come to the end.
func Unfinished(store Store) (bool, error) {
	known, _, err := loadNote(store)
	return known && store.State().LSN == 0, err
}
