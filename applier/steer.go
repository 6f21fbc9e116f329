package applier

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/octant-db/octant/conflict"
	"github.com/octant-db/octant/relay"
)

// DeadLetters implements relay.Letters.
func (a *Applier) DeadLetters(ctx context.Context) iter.Seq2[relay.DeadLetter, error] {
	a.mu.Lock()
	ids := slices.Sorted(maps.Keys(a.letters.byID))
	a.mu.Unlock()
	return func(yield func(relay.DeadLetter, error) bool) {
		for _, id := range ids {
			d, ok, err := a.deadLetter(id)
			if err == nil {
				err = ctx.Err()
			}
			if err != nil {
				yield(d, fmt.Errorf("read dead letters: %w", err))
				return
			}
			if ok && !yield(d, nil) {
				return
			}
		}
	}
}

func (a *Applier) deadLetter(id uint64) (relay.DeadLetter, bool, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	l := a.letters.byID[id]
	if l == nil {
		return relay.DeadLetter{}, false, nil
	}
	key, _ := a.newest(l)
	right, reg, err := a.engine.Right(key)
	d := relay.DeadLetter{
		ID: id, Region: reg.Version.Region, Version: reg.Version, Table: l.table(), Key: l.saved.Shown, Row: a.notes.show(right.Row, false),
		Reason: l.saved.Reason, Detail: l.saved.Detail, Attempts: l.saved.Attempts, Since: l.saved.Since, Next: a.nextTry(l), State: l.state(),
	}
	if reg.Version.IsZero() { // not merged yet
		d.Region, d.Version = l.saved.Version.Region, l.saved.Version
	}
	return d, true, err
}

// nextTry is when a letter is tried again by itself; the lock is held.
func (a *Applier) nextTry(l *letter) time.Time {
	switch b := a.letters.tables[l.table()]; {
	case l.saved.Skipped:
		return time.Time{}
	case b != nil:
		return b.Next()
	}
	return l.row.Next()
}

// LetterCounts implements relay.Letters.
func (a *Applier) LetterCounts() map[relay.Reason]int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.letters.counts()
}

// Breakers implements relay.ApplyView.
func (a *Applier) Breakers() []relay.BreakerStatus {
	a.mu.Lock()
	defer a.mu.Unlock()
	var list []relay.BreakerStatus
	for _, name := range slices.Sorted(maps.Keys(a.letters.tables)) {
		list = append(list, relay.StatusOf("table", name, a.letters.tables[name].Breaker))
	}
	for _, id := range slices.Sorted(maps.Keys(a.letters.byID)) {
		if l := a.letters.byID[id]; !l.row.Closed() {
			list = append(list, relay.StatusOf("row", l.table()+" "+l.saved.Shown, l.row))
		}
	}
	return list
}

// find returns a letter; the lock is held.
func (a *Applier) find(id uint64) (*letter, error) {
	if l := a.letters.byID[id]; l != nil {
		return l, nil
	}
	return nil, fmt.Errorf("dead letter %d: %w", id, relay.ErrNotFound)
}

// RetryLetter implements relay.Letters. An attempt that was under way already may have begun before the cause was mended: it does not count.
func (a *Applier) RetryLetter(ctx context.Context, id uint64) error {
	for {
		a.reader.refresh()
		if err := a.nameLetter(ctx, id); err != nil {
			return err
		}
		l, attempts, early, err := a.retry(id)
		if err != nil {
			return err
		}
		a.progress.Raise()
		if err := a.awaitLetter(ctx, l, attempts); err == nil || !early || ctx.Err() != nil {
			return err
		}
	}
}

// nameLetter names the rows of a letter's table, if that is to be done and can be.
func (a *Applier) nameLetter(ctx context.Context, id uint64) error {
	a.mu.Lock()
	l, err := a.find(id)
	table := ""
	if err == nil && slices.ContainsFunc(l.keys, isProvisional) {
		table = l.table()
	}
	a.mu.Unlock()
	if table == "" {
		return err
	}
	return a.name(ctx, table)
}

// retry has a letter tried, and tells how often it was before, and whether an attempt is under way.
func (a *Applier) retry(id uint64) (l *letter, attempts uint64, early bool, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if l, err = a.find(id); err != nil {
		return nil, 0, false, err
	}
	if !a.owed(l) {
		return nil, 0, false, fmt.Errorf("dead letter %d was skipped: write its row again, in any region, or compare the regions and repair it", id)
	}
	early = l.trying
	a.tryLetter(l)
	return l, l.saved.Attempts, early, nil
}

// awaitLetter waits until a letter is gone, or was refused once more.
func (a *Applier) awaitLetter(ctx context.Context, l *letter, attempts uint64) error {
	refused := false
	err := a.progress.Wait(ctx, func() bool {
		a.mu.Lock()
		defer a.mu.Unlock()
		stands := a.letters.byID[l.saved.ID] == l
		refused = stands && l.saved.Attempts > attempts
		return refused || !stands
	})
	if err != nil {
		return fmt.Errorf("dead letter %d is still being tried: %w", l.saved.ID, err)
	}
	if refused {
		a.mu.Lock()
		defer a.mu.Unlock()
		return fmt.Errorf("it was refused again: %s: %s", l.saved.Reason, l.saved.Detail)
	}
	return nil
}

// SkipLetter implements relay.Letters.
func (a *Applier) SkipLetter(ctx context.Context, id uint64) error {
	a.mu.Lock()
	l, err := a.find(id)
	if err == nil {
		if _, v := a.newest(l); !v.IsZero() {
			l.saved.Version = v
		}
		l.saved.Skipped, l.trying = true, false
		for _, k := range l.keys {
			a.engine.Forgive(k)
		}
		a.letters.soil(l)
	}
	a.mu.Unlock()
	if err != nil {
		return err
	}
	return a.saveLetters(ctx)
}

// EditLetter implements relay.Letters. What is written is captured as any application's write is: it is later than what the letter is about,
// and takes its place in every region.
func (a *Applier) EditLetter(ctx context.Context, id uint64, row string) error {
	author, ok := a.cfg.Target.(relay.Author)
	if !ok {
		return errors.New("rows of this kind of database cannot be edited here: write the row in the database itself")
	}
	a.reader.refresh()
	l, right, err := a.knownRow(ctx, id)
	if err == nil {
		err = author.Author(ctx, right.Row.Table, right.Row.Image, row)
	}
	if err != nil {
		return fmt.Errorf("edit dead letter %d: %w", id, err)
	}
	return a.awaitLetter(ctx, l, math.MaxUint64)
}

// rowPatience is how long somebody who edits a letter waits for its row: a row is refused before the log shows what else its transaction wrote, and is known from
// then on. One whose table is missing is not known at all.
const rowPatience = 5 * time.Second

// knownRow waits until it is known what a letter's row shall be.
func (a *Applier) knownRow(ctx context.Context, id uint64) (*letter, conflict.Shown, error) {
	over := a.cfg.Clock.After(rowPatience)
	for {
		merged := a.progress.Next()
		a.mu.Lock()
		l, err := a.find(id)
		var right conflict.Shown
		if err == nil {
			key, _ := a.newest(l)
			right, _, err = a.engine.Right(key)
		}
		a.mu.Unlock()
		if err != nil || right.Row.Table != nil {
			return l, right, err
		}
		select {
		case <-merged:
		case <-over:
			return nil, right, errors.New("its row is not known yet: see the letter's reason, or try again in a moment")
		case <-ctx.Done():
			return nil, right, context.Cause(ctx)
		}
	}
}
