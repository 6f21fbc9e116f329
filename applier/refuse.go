package applier

import (
	"fmt"
	"strconv"

	"github.com/octant-db/octant/breaker"
	"github.com/octant-db/octant/conflict"
	"github.com/octant-db/octant/relay"
)

// excuse takes out of a flight what the database is known to refuse. It tells whether there is still something to commit.
func (a *Applier) excuse(f *flight) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if f.stream == nil && (len(a.letters.byKey)+len(a.letters.tables) > 0 || named(f.plan.Writes) != nil) {
		a.engine.LeaveOut(f.plan, func(w *conflict.Write) bool { return a.excused(f, w) })
	}
	return len(f.plan.Writes) > 0 || !f.plan.Mark.Repair()
}

// excused tells whether a flight goes without a write; the lock is held.
func (a *Applier) excused(f *flight, w *conflict.Write) bool {
	if w.Found {
		return false // nothing would owe it: the flight waits until the database takes it
	}
	l := a.letters.byKey[w.Key]
	if isProvisional(w.Key) {
		return a.excusedUnnamed(f, w, l)
	}
	if f.plan.Mark.Repair() {
		return a.excusedRepair(f, w, l)
	}
	if l != nil && !l.saved.Skipped {
		if l.saved.Version != w.Version {
			l.row.Hurry(a.cfg.Clock.Now()) // another row may fit
		}
		return true
	}
	return !a.letters.takes(tableOf(w.Key)) && !a.letters.full()
}

func (a *Applier) excusedRepair(f *flight, w *conflict.Write, l *letter) bool {
	switch table := tableOf(w.Key); {
	case l == nil && a.letters.takes(table):
		return false
	case l == nil:
		a.refuse(f, w, a.letters.tables[table].rejection)
	case l.trying:
		return false
	case !l.saved.Skipped:
		a.engine.Park(w.Key)
	case !w.Version.After(l.saved.Version):
		a.engine.Forgive(w.Key)
	default: // it was written again after it was skipped
		return false
	}
	return true
}

// refuse gives a row that is refused its letter, and parks it; the lock is held.
func (a *Applier) refuse(f *flight, w *conflict.Write, r relay.Rejection) {
	now := a.cfg.Clock.Now()
	l := a.letterOf(w)
	if l == nil {
		l = a.letters.write(w.Key, a.notes.show(w.After, true), now)
		defer func() { a.reportLetter(l) }()
	}
	l.saved.Skipped = false
	if len(l.keys) == 1 || w.Version.After(l.saved.Version) {
		l.saved.Version = w.Version
	}
	l.saved.Reason, l.saved.Detail = r.Reason, r.Detail
	l.trying, l.plan = false, f.plan
	l.row.Allow(now) // an attempt that nobody asked for counts as well
	l.row.Fail(now, r.Detail)
	l.saved.Attempts++
	a.letters.soil(l)
	a.engine.Park(w.Key)
}

// refuseTable notes that a table takes no row; the lock is held.
func (a *Applier) refuseTable(r relay.Rejection) {
	b := a.letters.tables[r.Table]
	if b == nil {
		b = &tableBreaker{Breaker: breaker.New(tablePauses)}
		a.letters.tables[r.Table] = b
	}
	now, was := a.cfg.Clock.Now(), b.Closed()
	b.Allow(now)
	b.Fail(now, r.Detail)
	b.rejection = r
	if e, is := relay.BreakerChanged("table", r.Table, was, b.Breaker); is {
		a.cfg.Notify(e)
	}
	a.countsOf(r.Table).trouble = r.Detail
}

// refuseAll takes down what a search has found in a flight's writes.
func (a *Applier) refuseAll(f *flight, writes []conflict.Write, found *findings) {
	a.mu.Lock()
	for _, r := range found.tables {
		a.refuseTable(r)
	}
	for i := range writes {
		w := &writes[i]
		if r, ok := found.rows[w.Key]; ok {
			a.refuse(f, w, r)
		} else if r, ok := found.tables[tableOf(w.Key)]; ok && a.letters.byKey[w.Key] != nil {
			a.refuse(f, w, r)
		}
	}
	a.mu.Unlock()
	a.progress.Raise()
}

// reportLetter says loudly that a row was refused.
func (a *Applier) reportLetter(l *letter) {
	a.cfg.Notify(relay.Event{
		Kind: relay.DeadLetterEvent, Subject: l.table(), Detail: l.saved.Detail,
		Fields: map[string]string{"id": strconv.FormatUint(l.saved.ID, 10), "key": l.saved.Shown, "reason": string(l.saved.Reason)},
	})
	a.cfg.Report(relay.Problem{
		Kind: "dead_letter", Subject: l.table(), Detail: fmt.Sprintf("%s: %s", l.saved.Reason, l.saved.Detail),
		Remedy: "mend the cause; the rows are in octant.dead_letters and are tried again by themselves, or by CALL octant.retry(id)",
	})
}
