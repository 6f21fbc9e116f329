package applier

import (
	"context"
	"maps"
	"slices"

	"github.com/octant-db/octant/conflict"
	"github.com/octant-db/octant/relay"
)

// tendLetters lets go of letters that are settled, has those tried again whose time has come, and saves what has changed.
func (a *Applier) tendLetters(ctx context.Context) {
	a.mu.Lock()
	tried, due := len(a.letters.byKey)+len(a.letters.tables)+len(a.index.unnamed) > 0, false
	if tried {
		a.sweepLetters()
		due = a.ripenTables()
		due = a.ripenRows() || due
		due = a.ripenUnnamed() || due
	}
	a.mu.Unlock()
	if due {
		a.reader.refresh() // what was mended must be seen
	}
	if tried {
		a.progress.Raise()
	}
	if err := a.saveLetters(ctx); err != nil && ctx.Err() == nil {
		a.cfg.Logger.Error("save dead letters", "error", err)
	}
}

// sweepLetters lets go of letters whose row is no longer owed; the lock is held.
func (a *Applier) sweepLetters() {
	if a.Merged() < a.letters.level {
		return
	}
	for _, l := range a.letters.byKey {
		if a.settled(l) {
			a.letters.remove(l)
		} else {
			a.shed(l)
		}
	}
}

func (a *Applier) settled(l *letter) bool {
	if l.plan != nil && a.engine.Landed(l.plan) {
		l.plan = nil
	}
	switch {
	case l.plan != nil, a.owed(l):
		return false
	case l.saved.Skipped: // until the row is written again, it may be found owed once more after a crash
		_, v := a.newest(l)
		return v.After(l.saved.Version)
	}
	return true
}

// withheld tells whether a register is kept, however old: by it a skipped letter sees that its row has been written again. See also index.withheld. The lock is held.
func (a *Applier) withheld(k conflict.Key) bool {
	if l := a.letters.byKey[k]; l != nil && l.saved.Skipped {
		if v := a.engine.Version(k); v.IsZero() || v.After(l.saved.Version) { // zero: the register is about to be made
			return true
		}
	}
	return a.index.withheld(k)
}

// ripenTables has one row tried of each table that may take rows again; the lock is held. A table of which no row is owed is told by the
// next change.
func (a *Applier) ripenTables() (due bool) {
	now := a.cfg.Clock.Now()
	for name, b := range a.letters.tables {
		if !b.Allow(now) {
			continue
		}
		due = true
		switch l := a.letters.anyOf(name); {
		case l != nil:
			a.tryLetter(l)
		case a.index.unnamed[name]:
			a.namings.due[name] = true
		default:
			a.openTable(name)
		}
	}
	return due
}

// ripenRows has rows tried whose time has come; the lock is held.
func (a *Applier) ripenRows() (due bool) {
	now := a.cfg.Clock.Now()
	for _, l := range a.letters.byKey {
		if !l.trying && !l.saved.Skipped && a.letters.takes(l.table()) && l.row.Allow(now) {
			a.tryLetter(l)
			due = true
		}
	}
	return due
}

func (a *Applier) tryLetter(l *letter) {
	l.trying = true
	for _, k := range a.tryable(l) {
		a.engine.Unpark(k)
	}
}

// openTable has a table's rows written again; the lock is held.
func (a *Applier) openTable(name string) {
	b := a.letters.tables[name]
	delete(a.letters.tables, name)
	b.Succeed(a.cfg.Clock.Now())
	if e, is := relay.BreakerChanged("table", name, false, b.Breaker); is {
		a.cfg.Notify(e)
	}
	a.countsOf(name).trouble = ""
	for _, l := range a.letters.byKey {
		if l.table() == name && !l.saved.Skipped {
			a.tryLetter(l)
		}
	}
}

// repaired notes that rows were written at last; the lock is held. Their letters go once the log shows them. What was refused for the same
// reason may be taken now as well.
func (a *Applier) repaired(writes []conflict.Write) {
	now, mended := a.cfg.Clock.Now(), make(map[string]relay.Reason)
	for i := range writes {
		name := tableOf(writes[i].Key)
		if a.letters.tables[name] != nil {
			a.openTable(name)
		}
		if l := a.letters.byKey[writes[i].Key]; l != nil {
			l.row.Succeed(now)
			mended[name] = l.saved.Reason
		}
	}
	if len(mended) == 0 {
		return
	}
	for _, l := range a.letters.byKey {
		if mended[l.table()] == l.saved.Reason {
			l.row.Hurry(now)
		}
	}
}

// anyOf returns the oldest letter of a table that can be tried, nil if there is none.
func (l *letters) anyOf(table string) *letter {
	for _, id := range slices.Sorted(maps.Keys(l.byID)) {
		if x := l.byID[id]; x.table() == table && !x.saved.Skipped && !x.unnamed() {
			return x
		}
	}
	return nil
}

// counts counts the letters that wait, by reason.
func (l *letters) counts() map[relay.Reason]int {
	n := make(map[relay.Reason]int)
	for _, x := range l.byID {
		if !x.saved.Skipped {
			n[x.saved.Reason]++
		}
	}
	return n
}
