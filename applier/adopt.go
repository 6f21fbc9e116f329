package applier

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"

	"github.com/octant-db/octant/conflict"
	"github.com/octant-db/octant/relay"
)

// ErrUnsettled says that the donor knows something of which it cannot be told what it is here. Once all other regions show it for good it is not needed.
var ErrUnsettled = errors.New("what the donor knows cannot be told in the words of this database yet")

// adoptedAtOnce is how many registers are named together.
const adoptedAtOnce = 512

// aside is where what a donor knew lies until it has been named anew: the Store, with a letter in front of all keys.
type aside struct{ store relay.Store }

const asideLetter = 'J'

func asideKey(key []byte) []byte { return append([]byte{asideLetter}, key...) }

func (a aside) Get(key []byte) ([]byte, error) { return a.store.Get(asideKey(key)) }

func (a aside) GetAll(keys [][]byte) ([][]byte, error) {
	list := make([][]byte, len(keys))
	for i, k := range keys {
		list[i] = asideKey(k)
	}
	return a.store.GetAll(list)
}

func (a aside) Scan(prefix, start []byte) iter.Seq2[relay.Pair, error] {
	if start != nil {
		start = asideKey(start)
	}
	return func(yield func(relay.Pair, error) bool) {
		for pair, err := range a.store.Scan(asideKey(prefix), start) {
			if err == nil {
				pair.Key = pair.Key[1:]
			}
			if !yield(pair, err) {
				return
			}
		}
	}
}

func (a aside) Write(ctx context.Context, pairs []relay.Pair) error {
	list := make([]relay.Pair, len(pairs))
	for i, p := range pairs {
		list[i] = relay.Pair{Key: asideKey(p.Key), Value: p.Value}
	}
	return a.store.Write(ctx, list)
}

// none is what an empty region's relay knows.
func none(func(relay.Pair, error) bool) {}

// Adopt is Receive for what a donor of another engine knew: rows are brought into the form of this database, and keys, unique values and ties are made anew from them by its own rules. What
// that cannot be done with is left out if all regions but this one show it for good, which settled says; otherwise the error is ErrUnsettled, and more of it may be
// settled when the donor is asked again.
func (r *Redo) Adopt(ctx context.Context, store relay.Store, settled relay.HLC, pairs iter.Seq2[relay.Pair, error]) error {
	theirs := aside{store}
	if err := Receive(ctx, theirs, pairs); err != nil {
		return err
	}
	if err := Receive(ctx, store, none); err != nil {
		return err
	}
	var alone sync.Mutex
	alone.Lock()
	x := &adoption{
		redo: r, theirs: theirs, settled: settled, w: &writer{store: store, lock: &alone},
		names: make(map[conflict.Key]conflict.Key), ties: make(map[string]string),
	}
	defer x.w.settle()
	if err := x.run(ctx, store); err != nil {
		return fmt.Errorf("take over what the donor knows: %w", err)
	}
	return Receive(ctx, theirs, none)
}

// adoption names anew what a donor of another engine knew.
type adoption struct {
	redo     *Redo
	theirs   relay.Store
	settled  relay.HLC
	w        *writer
	from, to *index
	saved    savedState
	names    map[conflict.Key]conflict.Key // of rows that something refers to by their keys; "": not known yet
	ties     map[string]string             // of parents that have come to an end; "": not known yet
}

// adopted is a register on its way, and what it is called here.
type adopted struct {
	key, name conflict.Key
	reg       conflict.Register
}

func (x *adoption) run(ctx context.Context, store relay.Store) (err error) {
	if x.from, err = openIndex(x.theirs, x.redo.cfg.Table); err != nil {
		return err
	}
	if x.to, err = openIndex(store, x.redo.cfg.Table); err != nil {
		return err
	}
	if x.saved, err = loadCheckpoint(x.theirs); err != nil {
		return err
	}
	for _, list := range [][]conflict.Key{x.saved.snapshot.Repairs, x.saved.snapshot.Pins} {
		for _, k := range list {
			x.names[k] = ""
		}
	}
	for _, step := range []func(context.Context) error{x.lookAhead, x.rows, x.others, x.finish} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// each passes registers whose keys begin so.
func (x *adoption) each(ctx context.Context, prefix string, do func(adopted) error) error {
	stored := registerKey(conflict.Key(prefix))
	for pair, err := range x.theirs.Scan(stored, nil) {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		a := adopted{key: conflict.Key(pair.Key[1:])}
		if a.reg, err = x.from.decode(a.key, bytes.Clone(pair.Value)); err != nil {
			return err
		}
		if err := do(a); err != nil {
			return err
		}
	}
	return nil
}

// lookAhead finds out which rows and ties are referred to.
func (x *adoption) lookAhead(ctx context.Context) error {
	return x.each(ctx, noRow, func(a adopted) error {
		if isProvisional(a.key) {
			return fmt.Errorf("table %s is missing in the donor's region: create it there, or join from another region", tableOf(a.key))
		}
		if parent, ends := a.key.Parent(); ends {
			x.ties[parent] = ""
		}
		for _, k := range a.reg.Unit {
			x.names[k] = ""
		}
		for _, d := range a.reg.Ends {
			if d.Via != "" {
				x.names[d.Via] = ""
			}
		}
		return nil
	})
}

// noRow is what keys begin with that are not rows' own: no table's name does.
const noRow = "\x00"

// rows takes over the registers of rows.
func (x *adoption) rows(ctx context.Context) error {
	var list []adopted
	err := x.each(ctx, "", func(a adopted) error {
		if a.key[0] == noRow[0] {
			return nil
		}
		if list = append(list, a); len(list) < adoptedAtOnce {
			return nil
		}
		defer func() { list = list[:0] }()
		return x.some(ctx, list)
	})
	if err != nil {
		return err
	}
	return x.some(ctx, list)
}

// some takes over some registers, one by one if not all of them can be.
func (x *adoption) some(ctx context.Context, list []adopted) error {
	err := x.anew(ctx, list)
	if _, refused := relay.Rejected(err); !refused {
		return err
	}
	for i := range list {
		if err := x.one(ctx, list[i].key); err != nil {
			return err
		}
	}
	return nil
}

// one takes over a register, or leaves it out if that cannot be.
func (x *adoption) one(ctx context.Context, k conflict.Key) error {
	data, err := x.theirs.Get(registerKey(k))
	if err != nil {
		return err
	}
	a := adopted{key: k}
	if a.reg, err = x.from.decode(k, data); err != nil {
		return err
	}
	err = x.anew(ctx, []adopted{a})
	if _, refused := relay.Rejected(err); refused {
		return x.leaveOut(&a, err)
	}
	return err
}

// leaveOut passes over a register if it is not needed.
func (x *adoption) leaveOut(a *adopted, why error) error {
	if _, needed := x.names[a.key]; !needed && a.reg.Age() <= x.settled {
		return nil
	}
	return fmt.Errorf("%w: %w", ErrUnsettled, why)
}

// anew brings registers into the form of this database, and puts them into its index.
func (x *adoption) anew(ctx context.Context, list []adopted) error {
	var places []place
	for i := range list {
		places = list[i].appendPlaces(places)
	}
	window := make([]relay.Change, len(places))
	for i := range places {
		window[i] = places[i].change()
	}
	p, err := x.redo.reader.identify(ctx, window)
	if err != nil {
		return err
	}
	for i := range places {
		if err := x.settle(&places[i], &p.changes[i]); err != nil {
			return err
		}
	}
	return x.put(ctx, list)
}

// put puts registers into the index, all or none.
func (x *adoption) put(ctx context.Context, list []adopted) error {
	met := make(map[conflict.Key]bool)
	for i := range list {
		a := &list[i]
		if follows(a.reg) {
			return held(a.key, errFollows.Error())
		}
		if a.name == "" {
			return held(a.key, "nothing tells which row it is")
		}
		if _, taken, err := x.to.Get(a.name); err != nil {
			return err
		} else if taken || met[a.name] {
			return held(a.key, "two of its rows in the donor's region are one row here")
		}
		met[a.name] = true
	}
	for i := range list {
		a := &list[i]
		if err := x.to.Put(a.name, a.reg); err != nil {
			return err
		}
		if _, needed := x.names[a.key]; needed {
			x.names[a.key] = a.name
		}
	}
	return x.spill(ctx)
}

// errFollows says that a register has keys of parents in the donor's form.
var errFollows = errors.New("children follow their parents to other keys")

func held(k conflict.Key, reason string) error {
	return &relay.TableError{Table: tableOf(k), Reason: reason}
}

// spill saves what has been put if that is much.
func (x *adoption) spill(ctx context.Context) error {
	if !x.to.full() {
		return nil
	}
	if err := x.to.save(ctx, x.w); err != nil {
		return err
	}
	if err := x.w.flush(ctx); err != nil {
		return err
	}
	return x.to.cool()
}

// others takes over what is no row's: the transactions that stay or go as a whole, and the ends of parents.
func (x *adoption) others(ctx context.Context) error {
	return x.each(ctx, noRow, func(a adopted) error {
		a.name = a.key
		if follows(a.reg) {
			return x.leaveOut(&a, errFollows)
		}
		if parent, ends := a.key.Parent(); ends {
			if x.ties[parent] == "" {
				return x.leaveOut(&a, fmt.Errorf("a row to which others refer has got another key or is gone, and nothing tells which one it was"))
			}
			a.name = conflict.EndsOf(x.ties[parent])
		}
		a.reg.Unit = x.named(a.reg.Unit)
		for i := range a.reg.Ends {
			if via := a.reg.Ends[i].Via; via != "" {
				a.reg.Ends[i].Via = x.names[via]
			}
		}
		return x.put(ctx, []adopted{a})
	})
}

// named are keys by their names here, without those of which nothing is known.
func (x *adoption) named(keys []conflict.Key) (list []conflict.Key) {
	for _, k := range keys {
		if name := x.names[k]; name != "" {
			list = append(list, name)
		}
	}
	return list
}

// finish writes the place in the donor's log that all this belongs to.
func (x *adoption) finish(ctx context.Context) error {
	if err := x.to.save(ctx, x.w); err != nil {
		return err
	}
	s := savedState{merged: x.saved.merged, snapshot: x.saved.snapshot}
	s.snapshot.Repairs, s.snapshot.Pins = x.named(s.snapshot.Repairs), x.named(s.snapshot.Pins)
	x.w.put(versionKey, formVersion())
	if err := s.save(ctx, x.w, 1); err != nil {
		return err
	}
	return x.w.flush(ctx)
}

// place is a row in a register.
type place struct {
	of     *adopted
	row    *conflict.Row
	before bool // as its author found it, which need not be known whole
}

// appendPlaces lists the rows of a register.
func (a *adopted) appendPlaces(list []place) []place {
	add := func(row *conflict.Row, before bool) {
		if row.Table != nil && row.Image != nil {
			list = append(list, place{a, row, before})
		}
	}
	add(&a.reg.Row, false)
	add(&a.reg.Wrote, false)
	for i := range a.reg.Past {
		add(&a.reg.Past[i].Row, a.reg.Past[i].Version.IsZero())
	}
	if h := a.reg.History; h != nil {
		add(&h.Base.Row, false)
		for i := range h.Base.Open {
			add(&h.Base.Open[i].Row, false)
		}
		for _, ev := range h.Events {
			add(&ev.Before, true)
			add(&ev.After, false)
		}
	}
	return list
}

// change is one that has the row in it as the log of its region had.
func (p *place) change() relay.Change {
	if p.row.Exists() && !p.before {
		return relay.Change{Op: relay.Insert, Table: p.row.Table, After: p.row.Image}
	}
	return relay.Change{Op: relay.Delete, Table: p.row.Table, Before: p.row.Image}
}

// settle takes the row as it is here.
func (x *adoption) settle(p *place, c *conflict.Change) error {
	was, is := *p.row, c.After
	if p.before && was.Exists() {
		is = c.Before
	}
	if p.of.name == "" {
		p.of.name = c.Key
	}
	if p.of.name != c.Key {
		return held(p.of.key, "a row of the donor's region is two rows here")
	}
	for _, ties := range [][2][]string{{was.Parents, is.Parents}, {was.Children, is.Children}} {
		for i, old := range ties[0] {
			if name := retied(old, ties[1]); name != "" {
				x.tie(old, name, p.of)
			} else if slices.ContainsFunc(p.of.reg.Fates, func(f conflict.Fate) bool { return f.Parent == ties[0][i] }) {
				return held(p.of.key, "it has other foreign keys here than in the donor's region")
			}
		}
	}
	*p.row = is
	return nil
}

// tie notes what a tie is called here.
func (x *adoption) tie(old, name string, a *adopted) {
	if _, wanted := x.ties[old]; wanted {
		x.ties[old] = name
	}
	for i := range a.reg.Fates {
		if a.reg.Fates[i].Parent == old {
			a.reg.Fates[i].Parent = name
		}
	}
}

// retied is the one of several names that is of the same tie as another one; "" if none is. A row has one of each.
func retied(old string, names []string) string {
	tie, ok := relay.ParseTie(old)
	if !ok {
		return ""
	}
	for _, name := range names {
		if other, ok := relay.ParseTie(name); ok && other.Name() == tie.Name() {
			return name
		}
	}
	return ""
}
