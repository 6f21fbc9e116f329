package applier

import (
	"context"
	"encoding/binary"
	"slices"

	"github.com/octant-db/octant/conflict"
	"github.com/octant-db/octant/relay"
)

// formWriter writes a register with all that any policy may keep in it: fields in order, numbers as varints, strings and lists with their length in
// front.
type formWriter struct {
	ctx context.Context
	x   *index
	w   *writer
	b   []byte
	err error
}

// register writes a register, whose history is in these blocks; none: in the register.
func (f *formWriter) register(r conflict.Register, blocks []block) {
	f.version(r.Shown)
	f.row(r.Row)
	f.flag(r.Blank)
	f.number(uint64(len(r.Unit)))
	for _, k := range r.Unit {
		f.text(string(k))
	}
	f.flag(r.History != nil)
	if r.History != nil {
		f.history(r.History, blocks)
	}
}

// What is said of a history in one octet.
const (
	historyKnown  = 1 << iota // its base is known
	historyBlocks             // its events are in blocks
)

func (f *formWriter) history(h *conflict.History, blocks []block) {
	f.number(uint64(h.Born))
	f.clock(h.Floor)
	var is byte
	if h.Base.Known {
		is |= historyKnown
	}
	if len(blocks) > 0 {
		is |= historyBlocks
	}
	f.b = append(f.b, is)
	f.version(h.Base.Version)
	f.row(h.Base.Row)
	f.version(h.Base.Created)
	f.number(uint64(len(h.Base.Open)))
	for _, o := range h.Base.Open {
		f.version(o.Version)
		f.row(o.Row)
	}
	if len(blocks) == 0 {
		f.events(h.Events)
		return
	}
	f.number(uint64(len(blocks)))
	for _, b := range blocks {
		f.number(b.number)
		f.number(b.size)
	}
}

func (f *formWriter) events(list []*conflict.Event) {
	f.number(uint64(len(list)))
	for _, ev := range list {
		f.version(ev.Version)
		f.clocks(ev.Deps)
		f.row(ev.Before)
		f.row(ev.After)
		f.flag(ev.Force)
		f.flag(ev.Rejected)
	}
}

// kin writes what a register has of foreign keys.
func (f *formWriter) kin(r conflict.Register) {
	f.texts(r.Row.Parents)
	f.texts(r.Row.Children)
	f.number(uint64(len(r.Ends)))
	for _, d := range r.Ends {
		f.version(d.Version)
		f.clocks(d.Deps)
	}
}

// fates writes what became of a row that can lose a parent in two ways, and which ends were the second ones of their transactions.
func (f *formWriter) fates(r conflict.Register) {
	f.row(r.Wrote)
	f.texts(r.Wrote.Parents)
	f.texts(r.Wrote.Children)
	f.number(uint64(len(r.Fates)))
	for _, x := range r.Fates {
		f.text(x.Parent)
		f.version(x.Version)
		f.clocks(x.Deps)
		f.flag(x.Second)
	}
	for _, d := range r.Ends {
		f.flag(d.Second)
	}
}

// chain writes what a row in the middle of a chain was written as, and what tells of ends that come to its children.
func (f *formWriter) chain(r conflict.Register) {
	f.clock(r.Until)
	f.number(uint64(r.Place))
	f.number(uint64(len(r.Past)))
	for _, l := range r.Past {
		f.version(l.Version)
		f.number(uint64(l.Place))
		f.flag(l.Here)
		f.clocks(l.Deps)
		f.row(l.Row)
		f.texts(l.Row.Unique)
		f.texts(l.Row.Parents)
		f.texts(l.Row.Children)
	}
	for _, x := range r.Fates {
		f.number(uint64(x.Place))
	}
	for _, d := range r.Ends {
		f.number(uint64(d.Place))
		f.text(string(d.Via))
	}
}

// follow writes where children follow to, and what of the ends may concern those that are found here.
func (f *formWriter) follow(r conflict.Register) {
	for i := range r.Fates {
		f.end(&r.Fates[i].End)
		f.number(uint64(r.Fates[i].Place))
	}
	for i := range r.Ends {
		f.end(&r.Ends[i])
		f.number(uint64(r.Ends[i].Place))
	}
}

func (f *formWriter) end(d *conflict.End) {
	f.text(d.Now.From)
	f.text(d.Now.To)
	f.row(d.Now.Row)
	f.number(uint64(len(d.Now.Columns)))
	for _, i := range d.Now.Columns {
		f.number(uint64(i))
	}
	f.flag(d.Round)
}

func (f *formWriter) texts(list []string) {
	f.number(uint64(len(list)))
	for _, s := range list {
		f.text(s)
	}
}

func (f *formWriter) clocks(v relay.Vector) {
	f.number(uint64(len(v)))
	for _, hlc := range v {
		f.clock(hlc)
	}
}

func (f *formWriter) row(r conflict.Row) {
	number, err := f.x.tables.save(f.ctx, f.w, r.Table)
	if err != nil && f.err == nil {
		f.err = err
	}
	f.number(uint64(number))
	f.flag(r.Gone)
	f.flag(r.Image != nil)
	f.text(string(r.Image))
	f.number(uint64(len(r.Unique)))
	for _, u := range r.Unique {
		f.text(u)
	}
}

func (f *formWriter) version(v relay.Version) {
	f.clock(v.HLC)
	f.b = append(f.b, byte(v.Region))
}

func (f *formWriter) clock(h relay.HLC) { f.b = binary.AppendVarint(f.b, int64(h)) }
func (f *formWriter) number(n uint64)   { f.b = binary.AppendUvarint(f.b, n) }
func (f *formWriter) text(s string)     { f.b = append(binary.AppendUvarint(f.b, uint64(len(s))), s...) }
func (f *formWriter) flag(set bool) {
	if set {
		f.b = append(f.b, 1)
		return
	}
	f.b = append(f.b, 0)
}

// formReader reads what formWriter wrote. After something malformed it yields zero values.
type formReader struct {
	x      *index
	k      conflict.Key
	rest   []byte
	blocks []block // in which the history is
	err    error
}

func (f *formReader) register(r *conflict.Register) {
	r.Shown, r.Row, r.Blank = f.version(), f.row(), f.flag()
	for range f.count() {
		r.Unit = append(r.Unit, conflict.Key(f.text()))
	}
	if f.flag() {
		r.History = f.history()
	}
}

func (f *formReader) history() *conflict.History {
	h := &conflict.History{Born: relay.LSN(f.number()), Floor: f.clock()}
	is := f.octet()
	h.Base = conflict.State{Known: is&historyKnown != 0, Version: f.version(), Row: f.row(), Created: f.version()}
	for range f.count() {
		h.Base.Open = append(h.Base.Open, conflict.Written{Version: f.version(), Row: f.row()})
	}
	if is&historyBlocks == 0 {
		h.Events = f.events()
		return h
	}
	for range f.count() {
		b := block{number: f.number(), size: f.number()}
		b.events = f.block(b)
		f.blocks = append(f.blocks, b)
		h.Events = append(h.Events, b.events...)
	}
	return h
}

func (f *formReader) events() (list []*conflict.Event) {
	for range f.count() {
		ev := &conflict.Event{Version: f.version(), Deps: f.clocks()}
		ev.Before, ev.After, ev.Force, ev.Rejected = f.row(), f.row(), f.flag(), f.flag()
		list = append(list, ev)
	}
	return list
}

// block reads the events of a block.
func (f *formReader) block(b block) []*conflict.Event {
	if f.err != nil {
		return nil
	}
	record, err := f.x.loadPieces(blockOwner(f.k, b.number), b.size)
	if err != nil {
		f.fail(err)
		return nil
	}
	inner := formReader{x: f.x, rest: record}
	events := inner.events()
	if inner.err != nil {
		f.fail(inner.err)
	}
	return events
}

func (f *formReader) kin(r *conflict.Register) {
	r.Row.Parents, r.Row.Children = f.texts(), f.texts()
	r.Row.Middle = led(r.Row.Parents) && len(r.Row.Children) > 0 // one that was saved before links were kept has none
	for range f.count() {
		r.Ends = append(r.Ends, conflict.End{Version: f.version(), Deps: f.clocks()})
	}
}

func (f *formReader) fates(r *conflict.Register) {
	r.Wrote = f.row()
	r.Wrote.Parents, r.Wrote.Children = f.texts(), f.texts()
	for range f.count() {
		x := conflict.Fate{Parent: f.text()}
		x.Version, x.Deps, x.Second = f.version(), f.clocks(), f.flag()
		r.Fates = append(r.Fates, x)
	}
	for i := range r.Ends {
		r.Ends[i].Second = f.flag()
	}
}

func (f *formReader) chain(r *conflict.Register) {
	r.Until, r.Place = f.clock(), int(f.number())
	for range f.count() {
		l := conflict.Link{Version: f.version(), Place: int(f.number()), Here: f.flag(), Deps: f.clocks(), Row: f.row()}
		l.Row.Unique, l.Row.Parents, l.Row.Children = f.texts(), f.texts(), f.texts()
		l.Row.Middle = l.Row.Image != nil
		r.Past = append(r.Past, l)
	}
	if len(r.Past) > 0 {
		r.Wrote = r.Past[len(r.Past)-1].Row
	}
	r.Row.Middle, r.Wrote.Middle = r.Row.Middle || len(r.Past) > 0 && r.Row.Image != nil, len(r.Past) > 0 && r.Wrote.Image != nil
	for i := range r.Fates {
		r.Fates[i].Place = int(f.number())
	}
	for i := range r.Ends {
		r.Ends[i].Place, r.Ends[i].Via = int(f.number()), conflict.Key(f.text())
	}
}

func (f *formReader) follow(r *conflict.Register) {
	for i := range r.Fates {
		f.end(&r.Fates[i].End)
		r.Fates[i].Place = int(f.number())
	}
	for i := range r.Ends {
		f.end(&r.Ends[i])
		r.Ends[i].Place = int(f.number())
	}
}

func (f *formReader) end(d *conflict.End) {
	d.Now.From, d.Now.To, d.Now.Row = f.text(), f.text(), f.row()
	for range f.count() {
		d.Now.Columns = append(d.Now.Columns, int(f.number()))
	}
	d.Round = f.flag()
}

func (f *formReader) texts() (list []string) {
	for range f.count() {
		list = append(list, f.text())
	}
	return list
}

func (f *formReader) clocks() (v relay.Vector) {
	for range f.count() {
		v = append(v, f.clock())
	}
	return v
}

func (f *formReader) row() conflict.Row {
	var r conflict.Row
	if number := f.number(); number > 0 && f.err == nil {
		var err error
		if r.Table, err = f.x.tables.table(uint32(number)); err != nil {
			f.fail(err)
		}
	}
	r.Gone = f.flag()
	present, image := f.flag(), f.text()
	if present {
		r.Image = relay.Image(image)
	}
	for range f.count() {
		r.Unique = append(r.Unique, f.text())
	}
	return r
}

func (f *formReader) fail(err error) {
	if f.err == nil {
		f.err = err
	}
	f.rest = nil
}

func (f *formReader) version() relay.Version {
	return relay.Version{HLC: f.clock(), Region: relay.Region(f.octet())}
}

func (f *formReader) flag() bool { return f.octet() == 1 }

func (f *formReader) octet() byte {
	if len(f.rest) == 0 {
		f.fail(relay.ErrCorrupt)
		return 0
	}
	b := f.rest[0]
	f.rest = f.rest[1:]
	return b
}

func (f *formReader) number() uint64 {
	n, size := binary.Uvarint(f.rest)
	if size <= 0 {
		f.fail(relay.ErrCorrupt)
		return 0
	}
	f.rest = f.rest[size:]
	return n
}

func (f *formReader) clock() relay.HLC {
	n, size := binary.Varint(f.rest)
	if size <= 0 {
		f.fail(relay.ErrCorrupt)
		return 0
	}
	f.rest = f.rest[size:]
	return relay.HLC(n)
}

// count reads the length of a list, each of whose elements takes a byte at least.
func (f *formReader) count() int {
	n := f.number()
	if n > uint64(len(f.rest)) {
		f.fail(relay.ErrCorrupt)
		return 0
	}
	return int(n)
}

func (f *formReader) text() string {
	n := f.count()
	s := string(f.rest[:n])
	f.rest = f.rest[n:]
	return s
}

// led tells whether any parent can take a row along, or leave it.
func led(parents []string) bool {
	return slices.ContainsFunc(parents, func(parent string) bool {
		tie, ok := relay.ParseTie(parent)
		return !ok || !tie.Follows
	})
}
