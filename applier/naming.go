package applier

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/octant-db/octant/breaker"
	"github.com/octant-db/octant/conflict"
	"github.com/octant-db/octant/relay"
)

// Rows of another engine whose table is missing here, or has another primary key, have provisional keys: see relay.Identity. They are merged under these, owed, and have letters; they are never
// written under them. Once the table is there, each of them is named: what is known of it is merged under its own key, which is written. See conflict/rename.go, and naming_writes.go for tables under
// other policies than that the last writer wins.

// namedAtOnce is how many rows are named in one step, which is durable before anything else is merged.
const namedAtOnce = 4096

// notAdmitted says why rows that have no keys of their own are not written.
func notAdmitted(t *relay.Table) error {
	return &relay.TableError{Table: t.String(), Kind: relay.MissingTable, Reason: "the table is missing here: create it"}
}

// errUnnamed says that there is no room for letters of rows that cannot be written.
var errUnnamed = fmt.Errorf("rows of a table that was missing are not named yet, and there are %d dead letters: mend what they say", maxLetters)

// named tells whether all writes are of rows that have their own keys.
func named(writes []conflict.Write) error {
	if slices.ContainsFunc(writes, func(w conflict.Write) bool { return isProvisional(w.Key) }) {
		return errUnnamed
	}
	return nil
}

// excusedUnnamed leaves out a row that has a provisional key; the lock is held.
func (a *Applier) excusedUnnamed(f *flight, w *conflict.Write, l *letter) bool {
	if !f.plan.Mark.Repair() {
		return l != nil || !a.letters.full()
	}
	if l = a.letterOf(w); l != nil && l.saved.Skipped && !w.Version.After(l.saved.Version) {
		a.engine.Forgive(w.Key)
	} else {
		a.refuse(f, w, a.rejectionOf(tableOf(w.Key)))
	}
	return true
}

// rejectionOf is why a table takes no rows of another engine; the lock is held.
func (a *Applier) rejectionOf(table string) relay.Rejection {
	if b := a.letters.tables[table]; b != nil {
		return b.rejection
	}
	return relay.Rejection{Reason: relay.MissingTable, Table: table, Whole: true, Detail: table + ": its rows could not be told apart here when they came, and are to be now"}
}

// namings are attempts to name rows of tables that were missing. The lock guards them.
type namings struct {
	one   sync.Mutex // held during an attempt; taken before all other locks
	tries map[string]*breaker.Breaker
	due   map[string]bool
}

func newNamings() namings {
	return namings{tries: make(map[string]*breaker.Breaker), due: make(map[string]bool)}
}

// ripenUnnamed notes the tables whose rows may be named now; the lock is held.
func (a *Applier) ripenUnnamed() (due bool) {
	now := a.cfg.Clock.Now()
	for table := range a.index.unnamed {
		b := a.namings.tries[table]
		if b == nil {
			b = breaker.New(tablePauses)
			a.namings.tries[table] = b
		}
		if b.Allow(now) {
			a.namings.due[table], due = true, true
		}
	}
	return due
}

// runNaming names rows when their tables are there.
func (a *Applier) runNaming(ctx context.Context) error {
	for {
		var table string
		if err := a.progress.Wait(ctx, func() (due bool) { table, due = a.dueNaming(); return due }); err != nil {
			return err
		}
		err := a.name(ctx, table)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			a.cfg.Logger.Warn("name rows of a table that was missing", "table", table, "error", err)
		}
	}
}

// dueNaming takes a table whose rows may be named now.
func (a *Applier) dueNaming() (table string, due bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for table := range a.namings.due {
		delete(a.namings.due, table)
		return table, true
	}
	return "", false
}

// name names all rows of a table that can be named now.
func (a *Applier) name(ctx context.Context, table string) error {
	a.namings.one.Lock()
	defer a.namings.one.Unlock()
	keys, err := a.unnamedOf(table)
	var left error
	for err == nil && len(keys) > 0 {
		n := min(len(keys), namedAtOnce)
		err = a.nameSome(ctx, keys[:n])
		if _, refused := relay.Rejected(err); refused {
			left, err = err, nil
		}
		keys = keys[n:]
	}
	err = cmp.Or(err, left)
	a.mu.Lock()
	defer a.mu.Unlock()
	defer a.progress.Raise()
	if err != nil {
		return a.unnameable(table, err)
	}
	delete(a.namings.tries, table)
	if a.letters.tables[table] != nil {
		a.openTable(table)
	}
	return nil
}

// unnamedOf are the provisional keys of a table that M knows.
func (a *Applier) unnamedOf(table string) ([]conflict.Key, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	keys, err := a.index.Under(provisional + keyOf(table, ""))
	if err == nil && len(keys) == 0 {
		delete(a.index.unnamed, table)
	}
	return keys, err
}

// unnameable notes that rows cannot be named yet; the lock is held.
func (a *Applier) unnameable(table string, err error) error {
	if b := a.namings.tries[table]; b != nil {
		b.Fail(a.cfg.Clock.Now(), err.Error())
	}
	r, refused := relay.Rejected(err)
	if !refused {
		return err
	}
	if r.Reason == relay.MissingTable || a.letters.tables[table] != nil {
		a.refuseTable(r)
	}
	a.tellUnnamed(table, r)
	return nil
}

// tellUnnamed has the letters of rows that have no names yet say why; the lock is held. They may have been written while the table was open, and nobody knew.
func (a *Applier) tellUnnamed(table string, r relay.Rejection) {
	for k, l := range a.letters.byKey {
		if isProvisional(k) && tableOf(k) == table && (l.saved.Reason != r.Reason || l.saved.Detail != r.Detail) {
			l.saved.Reason, l.saved.Detail = r.Reason, r.Detail
			a.letters.soil(l)
		}
	}
}

// nameSome names some rows, and says why others have no names yet. What their keys are is asked for while others are merged; a row that is changed meanwhile has its turn later.
func (a *Applier) nameSome(ctx context.Context, keys []conflict.Key) error {
	keys, registers, err := a.registers(keys)
	if err != nil {
		return err
	}
	changes, err := a.renamed(ctx, registers)
	_, refused := relay.Rejected(err)
	if err != nil && !refused {
		return err
	}
	a.gate.Lock()
	defer a.gate.Unlock()
	if err := a.renameAll(keys, registers, changes); err != nil {
		return err
	}
	return cmp.Or(a.keepNames(ctx), err)
}

// renameAll moves rows to their own keys, those that have no changes there excepted; the gate is held.
func (a *Applier) renameAll(keys []conflict.Key, registers []conflict.Register, changes [][]conflict.Change) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i, k := range keys {
		var err error
		switch {
		case len(changes[i]) == 0:
		case registers[i].History != nil:
			err = a.renameWrites(k, registers[i].History.Events, changes[i])
		default:
			err = a.rename(k, registers[i].Version, &changes[i][0])
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// registers are those of keys, as far as there still are any.
func (a *Applier) registers(keys []conflict.Key) (known []conflict.Key, list []conflict.Register, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, k := range keys {
		reg, found, err := a.index.Get(k)
		if err != nil {
			return nil, nil, err
		}
		if found && reg.Row.Table != nil {
			known, list = append(known, k), append(list, reg)
		}
	}
	return known, list, nil
}

// renamed are registers as changes of rows that have their own keys, none for those that have none yet; the error says why.
func (a *Applier) renamed(ctx context.Context, registers []conflict.Register) ([][]conflict.Change, error) {
	var window []relay.Change
	for i := range registers {
		window = appendWrites(window, &registers[i])
	}
	p, err := a.reader.identify(ctx, window)
	if err == nil && len(p.changes) != len(window) {
		err = fmt.Errorf("name rows: %d changes have become %d", len(window), len(p.changes))
	}
	if err != nil {
		return nil, err
	}
	list := make([][]conflict.Change, len(registers))
	for i := range registers {
		n := len(appendWrites(nil, &registers[i]))
		changes := p.changes[:n]
		if p.changes = p.changes[n:]; !slices.ContainsFunc(changes, func(c conflict.Change) bool { return isProvisional(c.Key) }) {
			list[i] = changes
		} else if err == nil {
			err = a.unnamed(ctx, registers[i].Row.Table)
		}
	}
	return list, err
}

// unnamed is why rows of a table have no keys of their own.
func (a *Applier) unnamed(ctx context.Context, t *relay.Table) error {
	if err := a.cfg.Target.Check(ctx, t); err != nil {
		return err
	}
	return notAdmitted(t)
}

// rename moves one row to its own key, with its letter, unless it was changed meanwhile; the lock and the gate are held.
func (a *Applier) rename(from conflict.Key, asOf relay.Version, c *conflict.Change) error {
	reg, known, err := a.index.Get(from)
	if err != nil || !known || reg.Version != asOf {
		return err
	}
	if err := a.index.prefetch([]conflict.Change{*c}); err != nil {
		return err
	}
	if err := a.engine.Rename(from, c); err != nil {
		return err
	}
	a.readdress(from, c.Key)
	return nil
}

// readdress moves the letter of a row to its own key; the lock is held.
func (a *Applier) readdress(from, to conflict.Key) {
	if l := a.letters.byKey[from]; l != nil {
		a.letters.move(l, from, to, a.cfg.Clock.Now())
	}
}

// move gives a letter's row its own key, under which it is tried at once. Where that has a letter, it stands for both.
func (l *letters) move(x *letter, from, to conflict.Key, now time.Time) {
	if other := l.byKey[to]; other != nil {
		other.row.Hurry(now)
	} else {
		l.attach(x, to)
		x.plan, x.trying = nil, !x.saved.Skipped
	}
	l.detach(x, from)
}

// keepNames makes durable what was named, before anything else is merged: what came after it, and under the rows' own keys alone, would be undone if they were named again. The gate is held.
func (a *Applier) keepNames(ctx context.Context) error {
	for attempt := 0; ; attempt++ {
		err := a.saveLetters(ctx)
		if err == nil {
			err = a.checkpointed(ctx)
		}
		if err == nil || ctx.Err() != nil {
			return context.Cause(ctx)
		}
		a.cfg.Logger.Error("save what rows are called", "error", err)
		if err := relay.Sleep(ctx, a.cfg.Clock, backoff(attempt)); err != nil {
			return err
		}
	}
}

// withheld tells whether a register is of a table of which rows have provisional keys: see conflict.Engine.Withhold.
func (x *index) withheld(k conflict.Key) bool {
	return len(x.unnamed) > 0 && !isProvisional(k) && x.unnamed[tableOf(k)]
}

// findUnnamed notes the tables of which there are provisional keys in the Store.
func (x *index) findUnnamed() error {
	prefix := registerKey(provisional)
	var start []byte
	for {
		table := ""
		for pair, err := range x.store.Scan(prefix, start) {
			if err != nil {
				return fmt.Errorf("open the version index: %w", err)
			}
			table, _, _ = strings.Cut(string(pair.Key[len(prefix):]), "\x00")
			break
		}
		if table == "" {
			return nil
		}
		x.unnamed[table] = true
		start = append(registerKey(conflict.Key(provisional+table)), 1) // behind all of the table's, whose names end with 0
	}
}
