package applier

import (
	"slices"

	"github.com/octant-db/octant/conflict"
	"github.com/octant-db/octant/relay"
)

// M may know one row under two keys: its own, of writes that were read while its table was there, or that come from a region of the same engine, and a provisional one, of what another
// engine wrote while the table was missing. For people it is one row, and has one letter, with both keys. Which keys are one row's can be told for certain only when the table is there;
// until then they are if one of them is provisional and their values look the same.

// rowName is what people know a row by.
type rowName struct{ table, shown string }

func (x *letter) table() string { return tableOf(x.keys[0]) }

func (x *letter) name() rowName { return rowName{x.table(), x.saved.Shown} }

// attach gives a letter another key.
func (l *letters) attach(x *letter, k conflict.Key) {
	x.keys = append(x.keys, k)
	l.byKey[k] = x
	l.soil(x)
}

// detach takes a key from a letter, which is gone without any.
func (l *letters) detach(x *letter, k conflict.Key) {
	name := x.name()
	x.keys = slices.DeleteFunc(slices.Clone(x.keys), func(other conflict.Key) bool { return other == k })
	delete(l.byKey, k)
	l.dirty[k] = struct{}{}
	if len(x.keys) > 0 {
		return
	}
	delete(l.byID, x.saved.ID)
	if l.byRow[name] == x {
		delete(l.byRow, name)
	}
}

// letterOf finds the letter of the row of a write that is refused, nil if it has none; the lock is held. One that the row has under another key is its own from then on.
func (a *Applier) letterOf(w *conflict.Write) *letter {
	l := a.letters.byKey[w.Key]
	if l != nil || !isProvisional(w.Key) && !a.index.unnamed[tableOf(w.Key)] {
		return l
	}
	shown := a.notes.show(w.After, true)
	if l = a.letters.byRow[rowName{tableOf(w.Key), shown}]; shown == "" || l == nil || !isProvisional(w.Key) && !slices.ContainsFunc(l.keys, isProvisional) {
		return nil
	}
	a.letters.attach(l, w.Key)
	return l
}

// owed tells whether any write of a letter's row is; the lock is held.
func (a *Applier) owed(l *letter) bool { return slices.ContainsFunc(l.keys, a.engine.Owes) }

// newest is the key under which the newest write of a letter's row is known, and its version; the lock is held.
func (a *Applier) newest(l *letter) (newest conflict.Key, version relay.Version) {
	newest = l.keys[0]
	for _, k := range l.keys {
		if v := a.engine.Version(k); v.After(version) {
			newest, version = k, v
		}
	}
	return newest, version
}

// shed takes keys from a letter of several under which nothing is owed any more; the lock is held.
func (a *Applier) shed(l *letter) {
	if l.plan != nil || l.saved.Skipped {
		return
	}
	for _, k := range l.keys {
		if len(l.keys) > 1 && !a.engine.Owes(k) {
			a.letters.detach(l, k)
			l.trying = false
		}
	}
}

// tryable are a letter's keys under which its row is owed and can be written; without such a one all of them, so that it is told why not. The lock is held.
func (a *Applier) tryable(l *letter) []conflict.Key {
	own := slices.DeleteFunc(slices.Clone(l.keys), func(k conflict.Key) bool { return isProvisional(k) || !a.engine.Owes(k) })
	if len(own) == 0 {
		return l.keys
	}
	return own
}

// unnamed tells whether a letter's row has provisional keys alone, under which it cannot be written.
func (x *letter) unnamed() bool {
	return !slices.ContainsFunc(x.keys, func(k conflict.Key) bool { return !isProvisional(k) })
}
