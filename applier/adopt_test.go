package applier_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/octant-db/octant/applier"
	"github.com/octant-db/octant/conflict"
	"github.com/octant-db/octant/relay"
)

// twin is the flavour of a database that has everything under other names: a plus stands in front of images, keys, unique values, and what ties refer to.
const twin = relay.Flavour("twin")

func twinOf(t *relay.Table) *relay.Table {
	is := *tableOf(t.String())
	is.Flavour, is.Native = twin, []byte("+"+t.String())
	return &is
}

func parseEither(f relay.Flavour, native []byte) (*relay.Table, error) {
	if f == twin {
		return twinOf(tableOf(string(native[1:]))), nil
	}
	return tableOf(string(native)), nil
}

func plus(img relay.Image) relay.Image {
	if img == nil {
		return nil
	}
	return append(relay.Image("+"), img...)
}

func plusAll(list []string) (is []string) {
	for _, s := range list {
		is = append(is, "+"+s)
	}
	return is
}

func plusTies(list []string) (is []string) {
	for _, s := range list {
		is = append(is, plusTie(s))
	}
	return is
}

func plusTie(s string) string {
	tie, ok := relay.ParseTie(s)
	if !ok {
		return s
	}
	return tie.Name() + "+" + strings.TrimPrefix(s, tie.Name())
}

// twins is a target of that database. It can hold no value that is large.
type twins struct{ *target }

func (w twins) Translate(_ context.Context, changes []relay.Change) error {
	for i := range changes {
		if c := &changes[i]; c.Table.Flavour == flavour && w.Unfit(context.Background(), c.Table, c.After) == nil {
			c.Table, c.Before, c.After = twinOf(c.Table), plus(c.Before), plus(c.After)
		}
	}
	return nil
}

func (w twins) Unfit(_ context.Context, t *relay.Table, img relay.Image) error {
	switch {
	case w.d.missing[t.String()]:
		return gone(t)
	case strings.Contains(string(img), "large"):
		return rejection{Reason: relay.UnfitValue, Table: t.String()}
	}
	return nil
}

func (w twins) Identify(ctx context.Context, t *relay.Table, images []relay.Image) ([]relay.Identity, error) {
	if w.d.missing[t.String()] {
		return nil, gone(t)
	}
	var without []relay.Image
	for _, img := range images {
		without = append(without, bytes.TrimPrefix(img, []byte("+")))
	}
	list, err := w.target.Identify(ctx, tableOf(t.String()), without)
	for i := range list {
		is := &list[i]
		if is.Key = "+" + is.Key; t.Flavour == flavour {
			*is = relay.Identity{Key: is.Key}
			continue
		}
		is.Unique, is.Parents, is.Children = plusAll(is.Unique), plusTies(is.Parents), plusTies(is.Children)
	}
	return list, err
}

func (b *bed) twinConfig(c *applier.Config) {
	c.Flavour, c.Table, c.Target = twin, parseEither, twins{b.target}
}

// adopt has a region of the other kind begin with what b's relay knows, and returns its applier.
func (b *bed) adopt(t *testing.T, settled relay.HLC) (*applier.Applier, *bed, error) {
	t.Helper()
	d, err := b.a.Donate(t.Context(), 9)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	n := newBed(t, b.origins...)
	n.d.missing = b.d.missing
	n.target = &target{d: n.d}
	c := applier.Config{Self: 9, Clock: n.clock, Logger: slog.New(slog.DiscardHandler), Include: func(string, string) bool { return true }}
	n.twinConfig(&c)
	if err := applier.NewRedo(c).Adopt(t.Context(), n.store, max(settled, d.Settled), d.Pairs); err != nil {
		return nil, n, err
	}
	n.config = n.twinConfig
	return n.make(), n, nil
}

// words are all that a register says, with a plus where one is to be.
func words(r conflict.Register, row func(conflict.Row) conflict.Row, tie func(string) string, key func(conflict.Key) conflict.Key) string {
	var b strings.Builder
	for _, x := range []conflict.Row{r.Row, r.Wrote} {
		x = row(x)
		fmt.Fprintf(&b, "%s gone=%v %q %q %q;", x.Image, x.Gone, x.Unique, x.Parents, x.Children)
	}
	fmt.Fprintf(&b, "%v %v %v %v", r.Version, r.Shown, r.Deps, r.Blank)
	for _, e := range r.Ends {
		fmt.Fprintf(&b, " end %v %v %v %d", e.Version, e.Deps, e.Second, e.Place)
		if e.Via != "" {
			fmt.Fprintf(&b, " via %q", key(e.Via))
		}
	}
	for _, f := range r.Fates {
		fmt.Fprintf(&b, " fate %q %v %v %d", tie(f.Parent), f.Version, f.Second, f.Place)
	}
	fmt.Fprintf(&b, " %v %d", r.Until, r.Place)
	for _, l := range r.Past {
		x := row(l.Row)
		fmt.Fprintf(&b, " link %v %d %v %v %s gone=%v %q %q", l.Version, l.Place, l.Here, l.Deps, x.Image, x.Gone, x.Parents, x.Children)
	}
	return b.String()
}

func plusRow(r conflict.Row) conflict.Row {
	r.Image, r.Unique, r.Parents, r.Children = plus(r.Image), nil, plusTies(r.Parents), plusTies(r.Children)
	return r
}

func bareRow(r conflict.Row) conflict.Row { // how unique values are called is seen elsewhere
	r.Unique = nil
	return r
}

// TestWhatADonorKnowsIsNamedAnew: all of it, with other identities. The donor's histories have unique values that rows share, families, and rows that wait for repair.
func TestWhatADonorKnowsIsNamedAnew(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { namedAnew(t, rand.New(rand.NewPCG(7, seed))) })
	}
}

func namedAnew(t *testing.T, rng *rand.Rand) {
	b := newBed(t, 2, 3).start()
	for i := range 40 {
		id, origin := rng.IntN(6), relay.Region(2+rng.IntN(2))
		clock := b.after(origin, rng)
		switch rng.IntN(6) {
		case 5:
			b.receive(origin, clock, nil, line("app.e", "", fmt.Sprintf("%d||%d", i, rng.IntN(40))))
		case 0:
			b.receive(origin, clock, nil, line("app.p", "", fmt.Sprintf("%d||p", id)))
		case 1:
			b.receive(origin, clock, nil, line("app.p", fmt.Sprintf("%d||p", id), ""))
		case 2:
			b.receive(origin, clock, nil, line("app.c", "", fmt.Sprintf("%d||%d", i, id)))
		case 3:
			b.receive(origin, clock, nil, line("app.d", "", fmt.Sprintf("%d||%d", i, id)))
		default:
			b.receive(origin, clock, nil, line("app.t", "", fmt.Sprintf("%d|u%d|from %d %d", 10*int(origin)+id, id, origin, i)))
		}
	}
	b.settle()
	a, n, err := b.adopt(t, 0)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := b.a.Known()
	if err != nil {
		t.Fatal(err)
	}
	got, err := a.Known()
	if err != nil || len(got) != len(keys) || len(keys) == 0 {
		t.Fatalf("%d registers out of %d, %v", len(got), len(keys), err)
	}
	for _, k := range keys {
		theirs, _, _ := b.a.Register(k)
		ours, known, err := a.Register(plusKey(k))
		if err != nil || !known {
			t.Fatalf("%q is not known: %v", k, err)
		}
		if want, is := words(theirs, plusRow, plusTie, plusKey), words(ours, bareRow, func(s string) string { return s }, func(k conflict.Key) conflict.Key { return k }); is != want {
			t.Errorf("%q is\n%s, not\n%s", k, is, want)
		}
		if ours.Row.Table != nil && ours.Row.Table.Flavour != twin {
			t.Errorf("%q has a row of flavour %s", k, ours.Row.Table.Flavour)
		}
	}
	was, is := b.a.Snapshot(), a.Snapshot()
	for i := range was.Pins {
		was.Pins[i] = plusKey(was.Pins[i])
	}
	slices.Sort(was.Pins)
	slices.Sort(is.Pins)
	if !slices.Equal(was.Pins, is.Pins) || was.Clock != is.Clock || was.Settled != is.Settled {
		t.Errorf("the snapshot is %+v, not %+v", is, was)
	}
	for pair, err := range n.store.Scan([]byte("J"), nil) {
		t.Fatalf("%q is left, %v", pair.Key, err)
	}
}

func plusKey(k conflict.Key) conflict.Key {
	if parent, ends := k.Parent(); ends {
		return conflict.EndsOf(plusTie(parent))
	}
	table, id, _ := strings.Cut(string(k), "\x00")
	return conflict.Key(table + "\x00+" + id)
}

// What cannot be told in the newcomer's words is waited for until nobody needs it: the end of a parent of which no row is known, and rows of a table that is gone.
func TestWhatCannotBeToldIsWaitedFor(t *testing.T) {
	for name, native := range map[string]string{"moved": line("app.p", "1||p", "2||p"), "gone": line("app.later", "", "1||later")} {
		t.Run(name, func(t *testing.T) {
			b := newBed(t, 2, 3).start() // region 3 says nothing, so that the row is kept
			b.receive(2, now(), nil, native)
			b.settle()
			b.d.hook(func(d *database) { d.missing["app.later"] = true })
			if _, _, err := b.adopt(t, 0); !errors.Is(err, applier.ErrUnsettled) {
				t.Errorf("what cannot be told was taken over: %v", err)
			}
			a, _, err := b.adopt(t, now()+relay.HLC(1e9))
			if err != nil {
				t.Fatal(err)
			}
			if keys, _ := a.Known(); name == "gone" && len(keys) > 0 {
				t.Errorf("%q is known", keys)
			}
		})
	}
}

// A row that the newcomer's database cannot hold does not stand there, and is named until the log brings one that it can.
func TestRowsThatDoNotFitAreNamed(t *testing.T) {
	b := newBed(t, 2)
	b.target = &target{d: b.d}
	c := applier.Config{
		Self: 9, Clock: b.clock, Logger: slog.New(slog.DiscardHandler), Include: func(string, string) bool { return true }, Decoders: map[relay.Flavour]relay.Decoder{flavour: decoder{}},
		JSON: func(_ *relay.Table, img relay.Image, _ bool) string { return idOf(img) },
	}
	b.twinConfig(&c)
	r := applier.NewRedo(c)
	rows := relay.RowImages{Flavour: flavour, Native: []byte("app.t"), Images: []relay.Image{relay.Image("1||small"), relay.Image("2||large"), relay.Image("3||large")}}
	if err := r.Put(t.Context(), rows); err != nil {
		t.Fatal(err)
	}
	if list := r.Unfit(); len(list) != 2 || list[0].Row != "2" || list[0].Table != "app.t" || list[0].Reason == "" {
		t.Errorf("named are %+v", list)
	}
	again := applier.NewRedo(c)
	again.Recall(r.Unfit())
	body := func(yield func([]byte, error) bool) {
		yield([]byte(update("2||large", "2||fits")+remove("3||large")), nil)
	}
	if err := again.Take(t.Context(), flavour, body, true); err != nil {
		t.Fatal(err)
	}
	if err := again.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if list := again.Unfit(); len(list) > 0 {
		t.Errorf("still named are %+v", list)
	}
	if one, two, three := b.d.row("app.t", "+1"), b.d.row("app.t", "+2"), b.d.row("app.t", "+3"); one != "+1||small" || two != "+2||fits" || three != "" {
		t.Errorf("the rows are %q, %q and %q", one, two, three)
	}
}
