package rendition

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"

	"github.com/octant-db/octant/relay"
)

// shownTables is what one reader was shown of tables. Stock replicas match columns by their places alone, and pass over those that they have not: so where a
// definition has changed they must stop until somebody has changed theirs too.
type shownTables struct {
	log    *Log
	reader string // "": nobody who comes back

	mu      sync.Mutex
	silent  bool // what is shown now was shown before
	tables  map[string]*Layout
	altered map[string]bool // and refused, to which it remains: entries can be read more than once
}

// factPrefix begins the keys of what readers were shown last.
const factPrefix = "Y"

var errAltered = errors.New("its definition has changed since it was last shown")

// accept is called before rows of a table are shown to the reader. It returns errAltered where the table is another one than before. The reader who comes back
// has heard of it.
func (s *shownTables) accept(ctx context.Context, l *Layout) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := l.Table.String()
	if s.altered[name] {
		return errAltered
	}
	before := s.tables[name]
	if before == l {
		return nil
	}
	s.tables[name] = l
	same, known := false, before != nil
	if known {
		same = bytes.Equal(before.Table.Native, l.Table.Native)
	}
	if !same {
		var err error
		if same, known, err = s.remember(ctx, name, l, same, known); err != nil {
			return fmt.Errorf("note what a replica is shown: %w", err)
		}
	}
	if same || !known || s.silent {
		return nil
	}
	s.altered[name] = true
	return errAltered
}

// remember writes down what the reader is shown now, and tells what it was before if that is not known.
func (s *shownTables) remember(ctx context.Context, name string, l *Layout, same, known bool) (bool, bool, error) {
	facts := s.log.config.Facts
	if s.reader == "" || facts == nil {
		return same, known, nil
	}
	sum := sha256.Sum256(l.Table.Native)
	key := []byte(factPrefix + string(s.log.config.Flavour) + "/" + s.reader + "/" + name)
	if !known {
		was, err := facts.Get(key)
		if err != nil && !errors.Is(err, relay.ErrNotFound) {
			return false, false, err
		}
		if known = err == nil; known && bytes.Equal(was, sum[:]) {
			return true, true, nil
		}
	}
	return same, known, facts.Write(ctx, []relay.Pair{{Key: key, Value: sum[:]}})
}

// quietly has what follows count as shown before, until it is called with false.
func (s *shownTables) quietly(silent bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.silent = silent
}
