package verify_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/octant-db/octant/relay"
	"github.com/octant-db/octant/verify"
)

// world is a model of regions that replicate a table, last writer wins. Before and after every question that it is asked it goes on: regions
// write, and changes arrive. Values are few, so that they come back all the time.
type world struct {
	mu      sync.Mutex
	rng     *rand.Rand
	clock   relay.HLC
	regions []*region
	hot     int // rows 0…hot-1 are written
	lazy    int // one step in so many is an arrival
	tired   int // questions after which nothing is written any more
	asked   int
	mixed   bool // regions of odd ids are of another engine, which has the rows in another order
}

// region is one side. Queues hold what other regions have still to send it.
type region struct {
	w      *world
	id     relay.Region
	rows   map[int]cell
	log    []int // rows, in the order in which they were written
	queues map[relay.Region][]event
}

type cell struct {
	value   int
	there   bool
	version relay.Version
}

type event struct {
	row int
	cell
}

func newWorld(seed uint64, regions, rows, hot int) *world {
	w := &world{rng: rand.New(rand.NewPCG(seed, 3)), clock: 1000, hot: hot, lazy: 2, tired: 400}
	for i := range regions {
		r := &region{w: w, id: relay.Region(i + 1), rows: map[int]cell{}, queues: map[relay.Region][]event{}}
		for row := range rows {
			r.rows[row] = cell{value: row % 2, there: true}
		}
		w.regions = append(w.regions, r)
	}
	return w
}

// asking is the beginning of every answer; the returned function is its end.
func (w *world) asking() func() {
	w.mu.Lock()
	w.asked++
	w.goOn(w.rng.IntN(4))
	return func() {
		w.goOn(w.rng.IntN(4))
		w.mu.Unlock()
	}
}

func (w *world) goOn(steps int) {
	for range steps {
		r := w.regions[w.rng.IntN(len(w.regions))]
		if w.rng.IntN(w.lazy) == 0 || w.asked > w.tired || w.hot == 0 {
			r.receive(w.regions[w.rng.IntN(len(w.regions))].id)
			continue
		}
		w.clock++
		e := event{row: w.rng.IntN(w.hot), cell: cell{value: w.rng.IntN(2), there: w.rng.IntN(4) > 0, version: relay.Version{HLC: w.clock, Region: r.id}}}
		r.put(e)
		for _, other := range w.regions {
			if other != r {
				other.queues[r.id] = append(other.queues[r.id], e)
			}
		}
	}
}

func (r *region) receive(from relay.Region) {
	if q := r.queues[from]; len(q) > 0 {
		r.queues[from] = q[1:]
		if q[0].version.After(r.rows[q[0].row].version) {
			r.put(q[0])
		}
	}
}

func (r *region) put(e event) {
	r.rows[e.row] = e.cell
	r.log = append(r.log, e.row)
}

func keyOf(row int) relay.RowKey { return relay.NewRowKey([][]byte{fmt.Appendf(nil, "%04d", row)}) }

func (r *region) digest(row int) *relay.RowDigest {
	c := r.rows[row]
	if !c.there {
		return nil
	}
	return &relay.RowDigest{Key: keyOf(row), Sum: relay.Sum{byte(c.value + 1), byte(row), byte(row >> 8)}}
}

func (r *region) span(s relay.Span) (list []relay.RowDigest) {
	rows := slices.Sorted(maps.Keys(r.rows))
	behind := func(k, other relay.RowKey) bool { return k > other }
	if r.flavour() == "backwards" {
		slices.Reverse(rows)
		behind = func(k, other relay.RowKey) bool { return k < other }
	}
	for _, row := range rows {
		if k := keyOf(row); (s.After == "" || behind(k, s.After)) && (s.UpTo == "" || !behind(k, s.UpTo)) && r.digest(row) != nil {
			list = append(list, *r.digest(row))
		}
	}
	return list
}

func (r *region) Tables(context.Context) ([]relay.ComparedTable, error) {
	return []relay.ComparedTable{{Name: "app.t", Definition: string(r.flavour())}}, nil
}

func (r *region) flavour() relay.Flavour {
	if r.w.mixed && r.id%2 == 1 {
		return "backwards"
	}
	return "forwards"
}

func (r *region) Shape(context.Context, string) (*relay.Shape, error) {
	return &relay.Shape{Flavour: r.flavour()}, nil
}

func (r *region) ByValue(*relay.ValueForm) relay.Comparison { return r }

func (r *region) Bound(_ context.Context, _ string, after relay.RowKey, _ int) (relay.RowKey, error) {
	defer r.w.asking()()
	if list := r.span(relay.Span{After: after}); len(list) > 20 {
		return list[19].Key, nil
	}
	return "", nil
}

func (r *region) Digest(_ context.Context, _ string, s relay.Span) (d relay.SpanDigest, err error) {
	defer r.w.asking()()
	for _, row := range r.span(s) {
		d.Rows++
		for i := range d.Sum {
			d.Sum[i] += row.Sum[i] * byte(row.Sum[1]+7)
		}
	}
	return d, nil
}

func (r *region) Rows(_ context.Context, _ string, s relay.Span) ([]relay.RowDigest, error) {
	defer r.w.asking()()
	return r.span(s), nil
}

func (r *region) Cut(context.Context) (relay.Cut, error) {
	defer r.w.asking()()
	return relay.Cut{Region: r.id, LSN: relay.LSN(len(r.log)), HLC: r.w.clock}, nil
}

func (r *region) Shown(context.Context) (relay.Vector, error) {
	defer r.w.asking()()
	var v relay.Vector
	for _, other := range r.w.regions {
		seen := r.w.clock
		if q := r.queues[other.id]; len(q) > 0 {
			seen = q[0].version.HLC - 1
		}
		v.Raise(other.id, seen)
	}
	return v, nil
}

func (r *region) Look(_ context.Context, _ string, since relay.LSN, keys []relay.RowKey) ([]relay.Look, error) {
	defer r.w.asking()()
	list := make([]relay.Look, len(keys))
	for i, k := range keys {
		for row := range r.rows {
			if keyOf(row) == k {
				list[i].Row = r.digest(row)
				list[i].Written = slices.Contains(r.log[min(int(since), len(r.log)):], row)
				list[i].Version = r.rows[row].version
			}
		}
	}
	return list, nil
}

func (r *region) Columns(_ context.Context, _ string, key relay.RowKey) ([]relay.ColumnValue, error) {
	defer r.w.asking()()
	for row, c := range r.rows {
		if keyOf(row) == key && c.there {
			return []relay.ColumnValue{{Name: "id", Key: true, Value: fmt.Append(nil, row)}, {Name: "v", Value: fmt.Append(nil, c.value)}}, nil
		}
	}
	return nil, nil
}

// Replace writes a row if it is as it is expected to be.
func (r *region) Replace(_ context.Context, p relay.Replacement) error {
	defer r.w.asking()()
	for row := range r.rows {
		if keyOf(row) != p.Key {
			continue
		}
		d := r.digest(row)
		if (d == nil) != (p.Expect == nil) || d != nil && d.Sum != *p.Expect {
			return relay.ErrChanged
		}
		c := cell{there: p.Values != nil}
		for _, v := range p.Values {
			if v.Name == "v" {
				c.value = int(v.Value[0] - '0')
			}
		}
		r.rows[row] = c
		return nil
	}
	return fmt.Errorf("there is no row %s", p.Key)
}

// instant is a clock in which waiting takes no time.
type instant struct {
	mu  sync.Mutex
	now time.Time
}

func (c *instant) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *instant) After(d time.Duration) <-chan time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	done := make(chan time.Time, 1)
	done <- c.now
	return done
}

func (w *world) members() (list []verify.Member) {
	for _, r := range w.regions {
		list = append(list, verify.Member{Name: fmt.Sprintf("r%d", r.id), Side: r})
	}
	return list
}

// agree finds no common order.
func agree([]string, []*relay.Shape) (*relay.ValueForm, error) { return &relay.ValueForm{}, nil }

func (w *world) run(t *testing.T) verify.TableReport {
	t.Helper()
	r, err := verify.Run(t.Context(), w.members(), verify.Options{Clock: &instant{}, Patience: time.Hour, Agree: agree})
	if err != nil {
		t.Fatal(err)
	}
	return r.Tables[0]
}

// TestNoFalseReport: whatever is written, and whatever values come back, regions that replicate are never said to differ.
func TestNoFalseReport(t *testing.T) {
	for seed := range uint64(600) {
		w := newWorld(seed, 2+int(seed%4), 60, 1+int(seed%9))
		w.lazy, w.mixed = 1+int(seed%3), seed%2 == 1
		if table := w.run(t); table.Result != verify.Identical {
			t.Fatalf("seed %d: %+v", seed, table)
		}
	}
}

// TestEveryDifferenceIsFound: what differs and is not written is found, and nothing else, while other rows are written.
func TestEveryDifferenceIsFound(t *testing.T) {
	for seed := range uint64(150) {
		w := newWorld(seed, 2+int(seed%4), 60, 1+int(seed%9))
		w.mixed = seed%2 == 1
		var want []string
		for row := 20; row < 60; row += 1 + w.rng.IntN(9) {
			r := w.regions[w.rng.IntN(len(w.regions))]
			c := r.rows[row]
			if c.value = 1 - c.value; w.rng.IntN(2) == 0 {
				c.there = false
			}
			r.rows[row] = c
			want = append(want, fmt.Sprint(row))
		}
		table := w.run(t)
		var got []string
		for _, d := range table.Differences {
			got = append(got, d.Name["id"])
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) || table.Result != verify.Differs {
			t.Fatalf("seed %d: found %v, want %v; %+v", seed, got, want, table)
		}
	}
}

// TestRowsOfARegionThatIsBehindAreUnsettled: what cannot be judged is not called identical, and who is behind is named.
func TestRowsOfARegionThatIsBehindAreUnsettled(t *testing.T) {
	w := newWorld(1, 3, 60, 0)
	c := w.regions[2].rows[30]
	c.there = false
	w.regions[2].rows[30] = c
	stuck := event{row: 59, cell: cell{value: 1, there: true, version: relay.Version{HLC: 1, Region: 1}}}
	for range 100_000 {
		w.regions[1].queues[1] = append(w.regions[1].queues[1], stuck)
	}
	table := w.run(t)
	if table.Result != verify.Unsettled || table.Unsettled != 1 || table.Reason == "" {
		t.Errorf("%+v", table)
	}
}

// TestDefinitionsBetweenEngines: tables that cannot be compared are named with the reason, and those of one engine must be defined alike.
func TestDefinitionsBetweenEngines(t *testing.T) {
	compare := func(agree verify.Agreement, mixed bool) verify.TableReport {
		w := newWorld(1, 3, 60, 0)
		w.mixed = mixed
		r, err := verify.Run(t.Context(), w.members(), verify.Options{Clock: &instant{}, Agree: agree})
		if err != nil {
			t.Fatal(err)
		}
		return r.Tables[0]
	}
	refuse := func([]string, []*relay.Shape) (*relay.ValueForm, error) {
		return nil, errors.New("column c is of no use")
	}
	if got := compare(refuse, true); got.Result != verify.Differs || got.Reason != "it cannot be compared by value: column c is of no use" {
		t.Errorf("%+v", got)
	}
	if got := compare(nil, true); got.Result != verify.Differs || got.Reason != "its columns or its key are defined otherwise in r2" {
		t.Errorf("%+v", got)
	}
	if got := compare(refuse, false); got.Result != verify.Identical || got.Form != nil {
		t.Errorf("%+v", got)
	}
}

// TestRateBoundsRows: it takes as long as the rate says.
func TestRateBoundsRows(t *testing.T) {
	w, clock := newWorld(1, 3, 60, 0), &instant{}
	if _, err := verify.Run(t.Context(), w.members(), verify.Options{Clock: clock, Rate: 2}); err != nil {
		t.Fatal(err)
	}
	if took := clock.Now().Sub(time.Time{}); took < 20*time.Second || took > 35*time.Second { // 40 or 60 rows, by chunks of 20: the last one is not waited for
		t.Errorf("60 rows took %v at two a second", took)
	}
}
