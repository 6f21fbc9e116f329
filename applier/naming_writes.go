package applier

import (
	"bytes"
	"math"
	"slices"

	"github.com/octant-db/octant/conflict"
	"github.com/octant-db/octant/relay"
)

// Under other policies than that the last writer wins it matters which writes a row has had. Under its provisional key all of them are kept, and nothing is made of
// them: they may be in the forms of several engines. Since such a row is parked, and based on what stood before, the stable cut stays where it is (conflict/park.go), so that nobody
// folds away what is to be merged here. When the row is named, its writes are merged one by one under its own key. What they come to depends on the set
// of them alone, so this is as if they came only now.

// keptWrites is the rule of such rows until they are named.
var keptWrites = &conflict.Rule{Policy: conflict.Merge, Replay: func(_, _, after conflict.Row) (conflict.Row, error) { return after, nil }, Same: sameRow}

// unnamedRule is the rule of rows with provisional keys of a table.
func unnamedRule(table *conflict.Rule) *conflict.Rule {
	if table.Policy == conflict.LWW {
		return table
	}
	return keptWrites
}

// keepsWrites tells whether all writes of a row are kept under its provisional key. Their conflicts are told when the row is named, by the table's own policy.
func (a *Applier) keepsWrites(k conflict.Key) bool {
	return isProvisional(k) && a.rule(k) == keptWrites
}

// appendWrites adds what a register knows of its row as changes in the form in which they came: all writes of a history, else the row that stands or is gone.
func appendWrites(list []relay.Change, reg *conflict.Register) []relay.Change {
	if reg.History == nil {
		return append(list, changeTo(&reg.Row, nil))
	}
	for _, ev := range reg.History.Events {
		list = append(list, changeTo(&ev.After, &ev.Before))
	}
	return list
}

// changeTo is a change that has left a row, or its deletion. before is nil if it is not known.
func changeTo(after, before *conflict.Row) relay.Change {
	switch {
	case !after.Exists():
		return relay.Change{Op: relay.Delete, Table: after.Table, Before: after.Image}
	case before == nil || !before.Exists():
		return relay.Change{Op: relay.Insert, Table: after.Table, After: after.Image}
	}
	return relay.Change{Op: relay.Update, Table: after.Table, Before: before.Image, After: after.Image}
}

// notCarried is a number behind those of all transactions that a region has been seen to have.
const notCarried = relay.Seq(math.MaxUint64)

// renameWrites merges the writes of a row under its own key, unless there are others by now; the lock and the gate are held.
func (a *Applier) renameWrites(from conflict.Key, asOf []*conflict.Event, changes []conflict.Change) error {
	reg, known, err := a.index.Get(from)
	if err != nil || !known || reg.History == nil || !slices.EqualFunc(reg.History.Events, asOf, sameEvent) {
		return err
	}
	if err := a.index.prefetch(changes); err != nil {
		return err
	}
	var landed conflict.Landed
	for i, ev := range reg.History.Events {
		t := conflict.Transaction{
			Origin: ev.Version.Region, Seq: notCarried, HLC: ev.Version.HLC, Deps: ev.Deps, Force: ev.Force, Changes: changes[i : i+1],
		}
		if err := a.engine.Carry(&t, &landed); err != nil {
			return err
		}
	}
	if err := a.engine.Passed(relay.Mark{Origin: a.cfg.Self}, &landed); err != nil { // it covers nothing, and has written nothing yet
		return err
	}
	a.engine.Forgive(from)
	if _, _, err := a.index.Get(from); err != nil { // what was merged may have put it to disk
		return err
	}
	if err := a.index.Remove(from); err != nil {
		return err
	}
	a.readdress(from, changes[0].Key)
	return nil
}

func sameEvent(a, b *conflict.Event) bool {
	return a.Version == b.Version && bytes.Equal(a.After.Image, b.After.Image)
}
