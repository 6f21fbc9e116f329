package join_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/octant-db/octant/applier"
	"github.com/octant-db/octant/join"
	"github.com/octant-db/octant/relay"
)

// mortal is a cluster of a donor and a newcomer's database, and the newcomer's store. The process that joins dies at a step, the last of its life.
type mortal struct {
	rows  int // of each table
	clock instantly
	takes time.Duration // each read

	mu    sync.Mutex
	begun bool // the database's log says that the region joins
	steps int  // that are left; below 0: no end
	pairs map[string][]byte
	here  map[string]bool         // rows, by table and number
	first map[string]relay.RowKey // behind which this life has read first, by table
}

var errKilled = errors.New("killed")

func newMortal(rows int) *mortal {
	return &mortal{rows: rows, steps: -1, pairs: map[string][]byte{}, here: map[string]bool{}, clock: instantly{now: time.Unix(1000, 0)}, takes: 300 * time.Millisecond}
}

// step is one that the process does, if it still lives. What is called under it happens as a whole or not at all.
func (m *mortal) step(do func()) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.steps == 0 {
		return errKilled
	}
	m.steps--
	do()
	return nil
}

func tables() (list []relay.TableDefinition, err error) {
	for _, name := range []string{"app.s", "app.t"} {
		list = append(list, relay.TableDefinition{ComparedTable: relay.ComparedTable{Name: name}})
	}
	return list, nil
}

// donor is the region that is copied.
type donor struct {
	relay.Donor
	m *mortal
}

func (donor) Admit(context.Context, relay.Hello) (relay.Admission, error) {
	return relay.Admission{Self: relay.Hello{Name: "b", Region: 2, Store: "log of b"}}, nil
}

func (donor) Definitions(context.Context) ([]relay.TableDefinition, error) { return tables() }

func (d donor) Read(_ context.Context, table string, after relay.RowKey, limit int) (b relay.RowBatch, err error) {
	at := 0
	if after != "" {
		if _, err := fmt.Sscan(string(after), &at); err != nil {
			return b, err
		}
	}
	err = d.m.step(func() {
		if _, again := d.m.first[table]; !again {
			d.m.first[table] = after
		}
		for n := at + 1; n <= d.m.rows && b.Rows < limit; n++ {
			b.Rows, b.Last, b.Data = b.Rows+1, relay.RowKey(fmt.Sprint(n)), fmt.Appendf(b.Data, "%s %d,%80s", table, n, "")
		}
	})
	<-d.m.clock.After(d.m.takes)
	return b, err
}

// Redo ends the test: it is asked for when all rows are copied.
func (donor) Redo(context.Context, relay.LSN, int64, int) (relay.LogPieces, error) {
	return relay.LogPieces{}, errCopied
}

// writer is the newcomer's database.
type writer struct {
	relay.TableCopier
	m *mortal
}

func (writer) Definitions(context.Context) ([]relay.TableDefinition, error) { return tables() }

func (w writer) Ready(_ context.Context, table string) (empty bool, err error) {
	for row := range w.m.here {
		if strings.HasPrefix(row, table+" ") {
			return false, nil
		}
	}
	return true, nil
}

func (w writer) Write(_ context.Context, _ string, b relay.RowBatch) error {
	if !w.m.begun {
		return errors.New("rows are written, and the log does not say that the region joins")
	}
	return w.m.step(func() {
		for row := range strings.SplitSeq(string(b.Data), ",") {
			w.m.here[strings.TrimSpace(row)] = true
		}
	})
}

// keeper is the store.
type keeper struct {
	join.Store
	m *mortal
}

func (k keeper) State() relay.State { return relay.State{} }

func (k keeper) Get(key []byte) ([]byte, error) {
	k.m.mu.Lock()
	defer k.m.mu.Unlock()
	if v, is := k.m.pairs[string(key)]; is {
		return bytes.Clone(v), nil
	}
	return nil, relay.ErrNotFound
}

func (k keeper) Write(_ context.Context, pairs []relay.Pair) error {
	return k.m.step(func() {
		for _, p := range pairs {
			k.m.pairs[string(p.Key)] = bytes.Clone(p.Value)
		}
	})
}

// unmarked is a ledger of which nothing is in.
type unmarked struct {
	relay.Target
	m *mortal
}

func (u unmarked) Begin(_ context.Context, mark relay.Mark) (relay.Tx, error) {
	return empty{}, u.m.step(func() { u.m.begun = u.m.begun || mark.HLC == relay.Joining })
}

// empty is a transaction that writes nothing but its mark.
type empty struct{ relay.Tx }

func (empty) Commit(context.Context) error { return nil }

func (unmarked) Applied(context.Context) ([]relay.SeqHLC, error) { return nil, nil }

// live is one process that joins, for so many steps. Each has nothing but what is in the store and in the database.
func (m *mortal) live(ctx context.Context, steps int, o join.Options) error {
	return m.process(steps, o).Run(ctx)
}

func (m *mortal) process(steps int, o join.Options) *join.Newcomer {
	m.steps, m.first = steps, map[string]relay.RowKey{}
	return &join.Newcomer{
		Self: relay.Hello{Name: "c", Region: 3}, Donor: join.Member{Name: "b", Side: donor{m: m}}, Store: keeper{m: m}, Copier: writer{m: m},
		Redo:    applier.NewRedo(applier.Config{Target: unmarked{m: m}, Clock: &m.clock}),
		Options: o, Clock: &m.clock, Logger: slog.New(slog.DiscardHandler),
	}
}

// noted is up to where tables have been copied, as the store says.
func (m *mortal) noted(t *testing.T) (after map[string]relay.RowKey) {
	t.Helper()
	var note struct {
		Tables []struct {
			Name  string
			After relay.RowKey
			Done  bool
		}
	}
	data, is := m.pairs["j"]
	if !is {
		return nil
	}
	if err := json.Unmarshal(data, &note); err != nil {
		t.Fatal(err)
	}
	after = map[string]relay.RowKey{}
	for _, table := range note.Tables {
		if !table.Done {
			after[table.Name] = table.After
		}
	}
	return after
}

func (m *mortal) requireAll(t *testing.T) {
	t.Helper()
	for _, table := range []string{"app.s", "app.t"} {
		for n := 1; n <= m.rows; n++ {
			if !m.here[fmt.Sprint(table, " ", n)] {
				t.Fatalf("row %d of table %s is missing", n, table)
			}
		}
	}
}

// TestACopyGoesOnWhereverItWasKilled: at every step of its life, and at that of its second life. What was noted is not read again, and no row is left out.
func TestACopyGoesOnWhereverItWasKilled(t *testing.T) {
	const rows = 4000
	steps := 1
	for ; ; steps++ {
		m := newMortal(rows)
		err := m.live(t.Context(), steps, join.Options{})
		if errors.Is(err, errCopied) {
			break // it lived long enough
		}
		for _, more := range []int{steps, -1} {
			if err != nil && !errors.Is(err, errKilled) && !errors.Is(err, errCopied) {
				t.Fatalf("killed after %d steps: %v", steps, err)
			}
			noted := m.noted(t)
			err = m.live(t.Context(), more, join.Options{})
			for table, after := range m.first {
				if want, unfinished := noted[table]; noted != nil && (!unfinished || after != want) {
					t.Fatalf("killed after %d steps: table %s is read again behind %q, and up to %q had been noted", steps, table, after, want)
				}
			}
		}
		if !errors.Is(err, errCopied) {
			t.Fatalf("killed after %d steps: %v", steps, err)
		}
		m.requireAll(t)
	}
	if steps < 12 { // three chunks of two tables are read and written; how often that is noted depends on who comes first
		t.Errorf("it had only %d steps to die at", steps)
	}
}

// TestCopyingKeepsToItsRate: and goes as fast as that.
func TestCopyingKeepsToItsRate(t *testing.T) {
	m := newMortal(20_000)
	m.takes = 0
	began := m.clock.Now()
	if err := m.live(t.Context(), -1, join.Options{Rate: 1000}); !errors.Is(err, errCopied) {
		t.Fatal(err)
	}
	m.requireAll(t)
	if took := m.clock.Now().Sub(began); took < 38*time.Second || took > 45*time.Second {
		t.Errorf("40,000 rows took %v at 1000 a second", took)
	}
}

// TestProgressOfACopy: it never goes back, and ends with everything.
func TestProgressOfACopy(t *testing.T) {
	m := newMortal(20_000)
	var told []join.Progress
	if err := m.live(t.Context(), -1, join.Options{Progress: func(p join.Progress) { told = append(told, p) }}); !errors.Is(err, errCopied) {
		t.Fatal(err)
	}
	if !slices.IsSortedFunc(told, func(a, b join.Progress) int { return int(a.Rows) - int(b.Rows) }) {
		t.Errorf("rows become fewer: %+v", told)
	}
	if last := told[len(told)-1]; last.Rows != 40_000 || last.TablesDone != 2 || last.Tables != 2 || last.Estimate < last.Rows || len(told) < 4 {
		t.Errorf("told %d times, at last %+v", len(told), last)
	}
}

// TestACopyThatWasForgottenIsAskedFor: a region that has prepared for one and has no rows would have only what is written from then on.
func TestACopyThatWasForgottenIsAskedFor(t *testing.T) {
	for name, test := range map[string]struct {
		donors, loaded int // rows
		want           string
	}{
		"forgotten":        {3, 0, "no table has rows here, and app.s has some in region b: load a copy"},
		"loaded":           {3, 1, errCopied.Error()},
		"nothing to bring": {0, 0, errCopied.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMortal(test.donors)
			for range 2 { // to prepare twice is no harm
				if err := m.process(-1, join.Options{}).Prepare(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			for i := range test.loaded {
				m.here[fmt.Sprint("app.t ", i+1)] = true
			}
			if err := m.live(t.Context(), -1, join.Options{}); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("the join ended with %v, want %s", err, test.want)
			}
			if len(m.here) != test.loaded {
				t.Errorf("%d rows are here, %d were loaded", len(m.here), test.loaded)
			}
		})
	}
}
