package applier

import (
	"context"
	"errors"
	"fmt"
	"sort"

	"github.com/octant-db/octant/conflict"
	"github.com/octant-db/octant/relay"
)

// findings are what the database refuses of some writes.
type findings struct {
	rows   map[conflict.Key]relay.Rejection
	tables map[string]relay.Rejection
}

func (f *findings) none() bool { return len(f.rows) == 0 && len(f.tables) == 0 }

// search finds out which of a flight's writes the database refuses, by trying parts of them in transactions that are rolled back.
type search struct {
	a *Applier
	f *flight
	findings
}

// rejected tells whether an error says that the database refuses a row. That a row is not as expected, or that its unique values are taken,
// says so only once it has been looked at again and again.
func rejected(err error, attempt int) (relay.Rejection, bool) {
	if attempt >= patience && (errors.Is(err, relay.ErrUnique) || errors.Is(err, relay.ErrPresence)) {
		return relay.Rejection{Reason: relay.UniqueTaken, Detail: err.Error()}, true
	}
	return relay.Rejected(err)
}

// isolate finds what the database refuses of a flight, so that the rest of it can go on. It tells whether it found anything.
func (a *Applier) isolate(ctx context.Context, f *flight) (bool, error) {
	a.mu.Lock()
	full := a.letters.full() && !f.plan.Mark.Repair()
	a.mu.Unlock()
	if full {
		return false, fmt.Errorf("there are %d dead letters, and no room for more: mend what they say", maxLetters)
	}
	writes := f.plan.Writes
	if f.stream != nil {
		writes = f.stream.part
	}
	s := &search{a: a, f: f, findings: findings{rows: make(map[conflict.Key]relay.Rejection), tables: make(map[string]relay.Rejection)}}
	err := s.halve(ctx, writes)
	if err == nil && s.none() {
		err = s.together(ctx, writes)
	}
	if err != nil {
		return false, fmt.Errorf("find out which rows are refused: %w", err)
	}
	a.refuseAll(f, writes, &s.findings)
	return !s.none(), nil
}

// halve tries writes, and their halves if that fails.
func (s *search) halve(ctx context.Context, writes []conflict.Write) error {
	for {
		writes = s.without(writes)
		if len(writes) == 0 {
			return nil
		}
		err := s.try(ctx, writes)
		r, refused := relay.Rejected(err)
		switch {
		case !refused:
			return outcome(err)
		case r.Whole && r.Table != "" && s.tables[r.Table].Reason == "":
			s.tables[r.Table] = r
			continue
		case len(writes) == 1:
			s.rows[writes[0].Key] = r
			return nil
		}
		if err := s.halve(ctx, writes[:len(writes)/2]); err != nil {
			return err
		}
		return s.halve(ctx, writes[len(writes)/2:])
	}
}

// together looks for rows that are refused only beside others: the last one of the shortest beginning that is refused is left out.
func (s *search) together(ctx context.Context, writes []conflict.Write) error {
	for {
		writes = s.without(writes)
		err := s.try(ctx, writes)
		if _, refused := rejected(err, patience); !refused {
			return outcome(err)
		}
		var failure error
		n := sort.Search(len(writes), func(i int) bool {
			err := s.try(ctx, writes[:i+1])
			_, refused := rejected(err, patience)
			if !refused && outcome(err) != nil {
				failure = err
			}
			return refused
		})
		if failure != nil || n == len(writes) {
			return failure
		}
		r, _ := rejected(err, patience)
		s.rows[writes[n].Key] = r
	}
}

// without leaves out what was found before.
func (s *search) without(writes []conflict.Write) []conflict.Write {
	var left []conflict.Write
	for i := range writes {
		_, row := s.rows[writes[i].Key]
		_, table := s.tables[tableOf(writes[i].Key)]
		if !row && !table {
			left = append(left, writes[i])
		}
	}
	return left
}

// outcome is nil if an error says nothing of the rows by themselves: one of them may need what another one gives up.
func outcome(err error) error {
	if errors.Is(err, relay.ErrUnique) || errors.Is(err, relay.ErrPresence) {
		return nil
	}
	return err
}

// try writes in a transaction that is rolled back.
func (s *search) try(ctx context.Context, writes []conflict.Write) error {
	for attempt := 0; ; attempt++ {
		err := s.tryOnce(ctx, writes)
		if !relay.Retryable(err) || attempt > patience {
			return err
		}
		if err := relay.Sleep(ctx, s.a.cfg.Clock, backoff(attempt)); err != nil {
			return err
		}
	}
}

func (s *search) tryOnce(ctx context.Context, writes []conflict.Write) error {
	tx, err := s.a.cfg.Target.Begin(ctx, s.f.plan.Mark)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer tx.Rollback() //nolint:errcheck // what is not rolled back now is when the lane is used again
	return tx.Write(ctx, writesOf(writes, s.f.clear))
}
