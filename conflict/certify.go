package conflict

import (
	"encoding/binary"
	"slices"

	"github.com/octant-db/octant/relay"
)

// takeEvent merges a change into its row's history.
func (v *view) takeEvent(rule *Rule, t *Transaction, c *Change, base *Row) error {
	row := v.rows[c.Key]
	reg := v.engine.begun(rule, row.reg, row.known)
	h := *reg.History
	if base != nil {
		h = v.engine.learn(h, *base)
	}
	if t.HLC <= h.Floor {
		return v.look(c.Key) // merged before a crash, and folded since
	}
	h, err := h.settled(rule, v.engine.settles(rule))
	if err != nil {
		return err
	}
	_, again := h.place(t.Version())
	h = h.with(Event{
		Version: t.Version(), Deps: t.Deps, Before: c.Before.kept(), After: c.After.kept(), Force: t.Force, Rejected: rule.Policy == Rollback && !again,
	})
	if rule.Policy == Reject {
		h = h.judged(rule)
	}
	if reg.Version = t.Version(); row.reg.Version.After(reg.Version) {
		reg.Version = row.reg.Version
	}
	learned := h.Base.Known && !reg.History.Base.Known
	if err := v.rewrite(c.Key, rule, reg, h); err != nil || rule.Policy != Rollback {
		return err
	}
	if learned {
		return v.certifyAll(&h, c.Key)
	}
	return v.certify(t.Version(), c.Key)
}

// certifyAll decides again all transactions that have written a row of which it was not known what stood there.
func (v *view) certifyAll(h *History, k Key) error {
	for _, ev := range h.Events {
		if err := v.certify(ev.Version, k); err != nil {
			return err
		}
	}
	return nil
}

// begun returns a register that has a history.
func (e *Engine) begun(rule *Rule, reg Register, known bool) Register {
	if reg.History != nil {
		return reg
	}
	h := &History{Born: e.lsn, Floor: e.settles(rule)}
	if known {
		h.Base = State{Known: true, Version: reg.Shown, Row: reg.Row}
		h.Floor = max(h.Floor, reg.Version.HLC)
	}
	reg.History = h
	return reg
}

// settles is the clock up to which a row's writes are folded into its base. Every write up to it has been merged, everywhere and here. Under
// Rollback it must have been before the last checkpoint too: a transaction that is merged again after a crash must find all of its
// rows as it found them the first time, or none of them would know why the others have rejected it.
func (e *Engine) settles(rule *Rule) relay.HLC {
	if rule.Policy == Rollback {
		return e.settled
	}
	return min(e.floor, e.clock)
}

// learn takes down what stood under a row's key when its history began, from the first entry of the local log that changes the row.
func (e *Engine) learn(h History, before Row) History {
	if !h.Base.Known && e.lsn >= h.Born {
		h.Base.Known, h.Base.Row = true, before.kept()
		h.counts = 0
	}
	return h
}

// rewrite sets a row's history, and what the row shows by it.
func (v *view) rewrite(k Key, rule *Rule, reg Register, h History) error {
	s, err := h.fold(rule)
	if err != nil {
		return err
	}
	reg.History, reg.Shown, reg.Row, reg.Blank = &h, s.Version, s.Row, !s.Known
	return v.put(k, reg)
}

// unitKey is the name under which M keeps which rows a transaction wrote that Rollback holds for. No row's key begins so: keys begin with
// their table's name.
func unitKey(t relay.Version) Key {
	b := binary.BigEndian.AppendUint64([]byte{0}, uint64(t.HLC))
	return Key(append(b, byte(t.Region)))
}

func isUnit(k Key) bool { return len(k) > 0 && k[0] == 0 }

// certify adds a row to its transaction and decides whether the transaction stays: it does if it is based, in each of its rows, on what
// stood before it. Then later transactions on those rows are looked at again, oldest first, as far as
// something changes.
func (v *view) certify(t relay.Version, k Key) error {
	unit, err := v.row(unitKey(t))
	if err != nil {
		return err
	}
	if !slices.Contains(unit.reg.Unit, k) {
		keys := append(slices.Clone(unit.reg.Unit), k)
		if err := v.put(unitKey(t), Register{Version: t, Shown: t, Unit: keys}); err != nil {
			return err
		}
	}
	for open := []relay.Version{t}; len(open) > 0; {
		t, open = open[0], open[1:]
		if open, err = v.certifyOne(t, open); err != nil {
			return err
		}
	}
	return nil
}

// certifyOne decides one transaction, and adds to the open ones those that have to be decided again, in their order.
func (v *view) certifyOne(t relay.Version, open []relay.Version) ([]relay.Version, error) {
	if t.HLC <= v.engine.settled {
		return open, nil // decided for good; some of its rows may be folded already
	}
	unit, err := v.row(unitKey(t))
	if err != nil {
		return nil, err
	}
	stays, err := v.stays(t, unit.reg.Unit)
	if err != nil {
		return nil, err
	}
	for _, k := range unit.reg.Unit {
		later, err := v.stand(t, k, stays)
		if err != nil {
			return nil, err
		}
		for _, l := range later {
			if i, found := slices.BinarySearchFunc(open, l, relay.Version.Compare); !found {
				open = slices.Insert(open, i, l)
			}
		}
	}
	return open, nil
}

// stays tells whether a transaction stays.
func (v *view) stays(t relay.Version, keys []Key) (bool, error) {
	for _, k := range keys {
		row, err := v.row(k)
		if err != nil {
			return false, err
		}
		if row.reg.History == nil {
			continue
		}
		h := row.reg.History
		i, found := h.place(t)
		if found && !h.accepts(v.engine.rule(k), i) {
			return false, nil
		}
	}
	return true, nil
}

// stand has one row of a transaction stay or go, and returns the later writes of the row if that is new.
func (v *view) stand(t relay.Version, k Key, stays bool) ([]relay.Version, error) {
	row, err := v.row(k)
	if err != nil || row.reg.History == nil {
		return nil, err
	}
	h := *row.reg.History
	i, found := h.place(t)
	if !found || h.Events[i].Rejected == !stays {
		return nil, nil
	}
	changed := *h.Events[i]
	changed.Rejected = !stays
	h = h.replaced(i, changed)
	var later []relay.Version
	for _, ev := range h.Events[i+1:] {
		later = append(later, ev.Version)
	}
	return later, v.rewrite(k, v.engine.rule(k), row.reg, h)
}
