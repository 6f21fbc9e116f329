package applier

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/octant-db/octant/conflict"
	"github.com/octant-db/octant/relay"
)

// tableCounts is what happened to one table since the start.
type tableCounts struct {
	captured, applied, conflicts uint64
	trouble                      string // why its changes cannot be written
	dissent                      string // which regions have other rules for it
}

// countsOf returns a table's counts; the lock is held.
func (a *Applier) countsOf(table string) *tableCounts {
	c := a.tables[table]
	if c == nil {
		c = new(tableCounts)
		a.tables[table] = c
	}
	return c
}

// kind is what conflicts are counted by.
type kind struct {
	name   string
	policy conflict.Policy
}

// tableOf returns the table's name in a key, "" if it is not a row's.
func tableOf(k conflict.Key) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(string(k), provisional), "\x00")
	return name
}

func (a *Applier) countCaptured(changes []conflict.Change) {
	var last *relay.Table
	var counts *tableCounts
	for i := range changes {
		if t := changes[i].After.Table; counts == nil || t != last {
			counts, last = a.countsOf(tableOf(changes[i].Key)), t
		}
		counts.captured++
	}
}

func (a *Applier) countApplied(writes []conflict.Write) {
	var last *relay.Table
	var counts *tableCounts
	for i := range writes {
		if t := writes[i].After.Table; counts == nil || t != last {
			counts, last = a.countsOf(tableOf(writes[i].Key)), t
		}
		counts.applied++
	}
}

// checkTables asks the target whether it can write the tables of the changes.
func (a *Applier) checkTables(ctx context.Context, changes []conflict.Change) error {
	var last *relay.Table
	for i := range changes {
		t := changes[i].After.Table
		if t == nil || t == last {
			continue
		}
		last = t
		if err := a.checkTable(ctx, t); err != nil {
			return fmt.Errorf("table %s: %w", t, err)
		}
	}
	return nil
}

// checkTable asks about one table. One that takes no rows is no error: its rows are left out.
func (a *Applier) checkTable(ctx context.Context, t *relay.Table) error {
	a.mu.Lock()
	takes := a.letters.takes(t.String())
	a.mu.Unlock()
	if !takes {
		return nil
	}
	err := a.cfg.Target.Check(ctx, t)
	r, refused := relay.Rejected(err)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.countsOf(t.String()).trouble = text(err)
	if refused && r.Whole && r.Table == t.String() && !a.letters.full() {
		a.refuseTable(r)
		return nil
	}
	return err
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// Status says how the applier stands.
func (a *Applier) Status() relay.ApplyStatus {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := relay.ApplyStatus{Writable: a.writable.Load(), Frontier: a.engine.Frontier(), Stable: a.engine.Stable()}
	s.Index, s.Pending, s.Repairs = a.engine.Size()
	if t := a.trouble.Load(); t != nil {
		s.Err = *t
	}
	return s
}

// Merged is the last entry of the local stream that the engine has passed.
func (a *Applier) Merged() relay.LSN { return relay.LSN(a.merged.Load()) }

// Count adds the applier's counters.
func (a *Applier) Count(c *relay.Counters) {
	a.mu.Lock()
	defer a.mu.Unlock()
	e := a.engine.Counters()
	c.SkippedRows, c.Conflicts, c.Inversions = e.Skipped, e.Conflicts, e.Inversions
	c.AppliedTransactions, c.AppliedRows = a.counters.transactions.Load(), a.counters.rows.Load()
	c.ApplyRetries, c.RepairsDone = a.counters.retries.Load(), a.counters.repairs.Load()
}

// Origin says how far another region's transactions have come: the last that capture has passed, and why the next one is
// held up, if it is.
func (a *Applier) Origin(r relay.Region) (seen relay.SeqHLC, held string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if o := a.origins[r]; o != nil {
		if t := o.held.Load(); t != nil {
			held = *t
		}
	}
	return a.engine.Seen(r), held
}

// Promised implements relay.ApplyView.
func (a *Applier) Promised(r relay.Region) relay.HLC {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.engine.Promised(r)
}

// Lag is the age of an origin's oldest transaction that was received and is not yet applied; 0 if there is none.
func (a *Applier) Lag(r relay.Region) time.Duration {
	seen, _ := a.Origin(r)
	stream := a.cfg.Log.Received(r)
	if relay.Seq(stream.Last()) <= seen.Seq {
		return 0
	}
	t, _, err := stream.Transaction(seen.Seq + 1)
	if err != nil || t.Time.IsZero() {
		return 0
	}
	return max(0, a.cfg.Clock.Now().Sub(t.Time))
}

// Tables lists the tables that have had changes since the start, by name.
func (a *Applier) Tables() []relay.TableStatus {
	a.mu.Lock()
	defer a.mu.Unlock()
	list := make([]relay.TableStatus, 0, len(a.tables))
	for name, c := range a.tables {
		schema, table, _ := strings.Cut(name, ".")
		s := relay.TableStatus{
			Schema: schema, Name: table, Policy: a.policy(name), State: "replicated", Reason: c.trouble,
			Captured: c.captured, Applied: c.applied, Conflicts: c.conflicts,
		}
		if s.Reason == "" {
			s.Reason = c.dissent
		}
		if s.Reason != "" {
			s.State = "held"
		}
		list = append(list, s)
	}
	slices.SortFunc(list, func(a, b relay.TableStatus) int {
		return cmp.Or(cmp.Compare(a.Schema, b.Schema), cmp.Compare(a.Name, b.Name))
	})
	return list
}

// ConflictCounts counts the conflicts since the start, by kind.
func (a *Applier) ConflictCounts() []relay.ConflictCount {
	a.mu.Lock()
	defer a.mu.Unlock()
	list := make([]relay.ConflictCount, 0, len(a.kinds))
	for k, n := range a.kinds {
		list = append(list, relay.ConflictCount{Kind: k.name, Policy: k.policy.String(), Count: n})
	}
	slices.SortFunc(list, func(a, b relay.ConflictCount) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Policy, b.Policy))
	})
	return list
}

// Versions yields the part of the version index that is in memory.
func (a *Applier) Versions(context.Context) iter.Seq2[relay.RowVersion, error] {
	a.mu.Lock()
	list := make([]relay.RowVersion, 0, a.index.hot.Len())
	for k, r := range a.index.hot.All {
		if r.Unit != nil {
			continue // of a transaction, not of a row
		}
		v := relay.RowVersion{Table: tableOf(k), Version: r.Version, Deleted: !r.Row.Exists()}
		if r.Row.Image != nil {
			v.Key = a.cfg.JSON(r.Row.Table, r.Row.Image, true)
		}
		list = append(list, v)
	}
	a.mu.Unlock()
	return func(yield func(relay.RowVersion, error) bool) {
		for _, v := range list {
			if !yield(v, nil) {
				return
			}
		}
	}
}

// Save makes a checkpoint now. It goes on to its end even if who asked for it is gone: one that was cut is worth less than none.
func (a *Applier) Save(ctx context.Context) error { return a.checkpoint(context.WithoutCancel(ctx)) }

// Needs says from where on the log would be read again after a crash: from the last checkpoint.
func (a *Applier) Needs() (relay.LSN, map[relay.Region]relay.Seq) {
	a.mu.Lock()
	defer a.mu.Unlock()
	received := make(map[relay.Region]relay.Seq, len(a.origins))
	for r := range a.origins {
		received[r] = 1
		if int(r) < len(a.saved.snapshot.Seen) {
			received[r] = a.saved.snapshot.Seen[r].Seq + 1
		}
	}
	return a.saved.merged + 1, received
}
