package applier

import (
	"context"
	"fmt"
	"iter"

	"github.com/octant-db/octant/conflict"
	"github.com/octant-db/octant/relay"
)

// runMerger follows the local stream and passes every entry to the engine, in order.
func (a *Applier) runMerger(ctx context.Context) error {
	cursor, err := a.cfg.Log.Local().Read(relay.LSN(a.merged.Load() + 1))
	if err != nil {
		return fmt.Errorf("follow the local stream from %d on: %w", a.merged.Load()+1, err)
	}
	defer cursor.Close()
	polite := courtesy{a: a, began: a.cfg.Clock.Now()}
	for {
		e, body, err := cursor.Next(ctx)
		if err != nil {
			return err
		}
		if err := a.mergeUntilDone(ctx, &e, body); err != nil {
			return err
		}
		if err := polite.pause(ctx); err != nil {
			return err
		}
	}
}

// mergeUntilDone merges an entry, again and again if need be: merging must not leave one out, and what keeps it from being merged, such as a
// database that is away, can be mended. It returns an error only when ctx has ended.
func (a *Applier) mergeUntilDone(ctx context.Context, e *relay.Entry, body relay.Body) error {
	for attempt := 0; ; attempt++ {
		err := a.mergeEntry(ctx, e, body)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if attempt >= patience {
			a.cfg.Report(relay.Problem{
				Kind: "merge_held", Subject: "local stream", Detail: fmt.Sprintf("entry %d: %v", e.LSN, err),
				Remedy: "mend the cause; the entry is tried again by itself, and nothing is applied meanwhile",
			})
		}
		if err := relay.Sleep(ctx, a.cfg.Clock, backoff(attempt)); err != nil {
			return err
		}
	}
}

func (a *Applier) mergeEntry(ctx context.Context, e *relay.Entry, body relay.Body) error {
	a.gate.Lock()
	defer a.gate.Unlock()
	if err := a.forgetGrown(); err != nil {
		return err
	}
	a.mu.Lock()
	a.engine.At(e.LSN, a.clock)
	a.mu.Unlock()
	var err error
	switch e.Kind {
	case relay.Local:
		err = a.mergeLocal(ctx, e, body)
	case relay.Applied:
		var done bool
		if done, err = a.mergeIntended(ctx, e, body); !done && err == nil {
			err = a.mergeOwn(ctx, e, body)
		}
	}
	if err != nil {
		return err
	}
	a.mu.Lock()
	a.engine.Reached(e.HLC)
	torn, broken := a.torn, a.broken
	a.torn, a.broken = nil, nil
	a.mu.Unlock()
	a.reportTorn(torn)
	if err := a.reportBroken(ctx, broken); err != nil {
		return err
	}
	a.calm()
	a.merged.Store(uint64(e.LSN))
	a.clock = e.HLC
	a.progress.Raise()
	return nil
}

// calm takes down what is shown for good at the moment at which no row waits for repair any more. In a storm of conflicts such moments are
// short, and nobody may ask in one of them.
func (a *Applier) calm() {
	a.mu.Lock()
	defer a.mu.Unlock()
	_, _, repairs := a.engine.Size()
	if repairs == 0 && a.stormy {
		a.engine.Announce()
	}
	a.stormy = repairs > 0
}

func (a *Applier) mergeLocal(ctx context.Context, e *relay.Entry, body relay.Body) error {
	t := conflict.Transaction{Origin: a.cfg.Self, Seq: e.Seq, HLC: e.HLC, Deps: e.Deps}
	for part, err := range a.reader.parts(ctx, e.Flavour, body) {
		if err != nil {
			return err
		}
		a.reportEmptied(&part)
		a.reportAlone(part.alone)
		a.reportFollowed(part.followed)
		if err := a.redefine(ctx, part.definitions); err != nil {
			return err
		}
		t.Emptied, t.Changes = a.emptiedBy(&part), part.changes
		if len(t.Emptied)+len(t.Changes) == 0 {
			continue // a definition: it is done
		}
		a.mu.Lock()
		err := a.index.prefetch(t.Changes)
		if err == nil {
			err = a.engine.Local(&t)
		}
		a.countCaptured(part.changes)
		a.mu.Unlock()
		if err == nil {
			err = a.spill(ctx, nil)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// mergeOwn passes one of our own transactions: what its mark covers, and what it wrote. Both are read side by side, the first a little
// ahead, so that neither has to be held whole.
func (a *Applier) mergeOwn(ctx context.Context, e *relay.Entry, body relay.Body) error {
	m := ownMerge{a: a, mark: *e.Mark, landed: conflict.Landed{Amends: e.Mark.Amends()}}
	next, stop := iter.Pull2(a.carried(ctx, *e.Mark))
	defer stop()
	for part, err := range a.reader.parts(ctx, e.Flavour, body) {
		if err != nil {
			return err
		}
		if len(part.definitions) > 0 {
			continue
		}
		if err := m.carry(next, m.wrote+len(part.changes)+2*partRows); err != nil {
			return err
		}
		if err := m.write(part.changes); err != nil {
			return err
		}
		if err := a.spill(ctx, m.landed.Open()); err != nil {
			return err
		}
	}
	if err := m.carry(next, -1); err != nil {
		return err
	}
	a.mu.Lock()
	err := a.engine.Passed(m.mark, &m.landed)
	a.mu.Unlock()
	a.passed(m.mark)
	return err
}

// ownMerge is the state of one mergeOwn.
type ownMerge struct {
	a              *Applier
	mark           relay.Mark
	landed         conflict.Landed
	carries, wrote int
	end            bool
}

// carry merges what the mark covers until there have been want changes; less than 0 means all.
func (m *ownMerge) carry(next func() (*conflict.Transaction, error, bool), want int) error {
	for !m.end && (want < 0 || m.carries < want) {
		t, err, ok := next()
		if !ok {
			m.end = true
			return nil
		}
		if err != nil {
			return err
		}
		m.carries += len(t.Changes)
		m.a.mu.Lock()
		if err = m.a.index.prefetch(t.Changes); err == nil {
			err = m.a.engine.Carry(t, &m.landed)
		}
		m.a.mu.Unlock()
		if err != nil {
			return err
		}
	}
	return nil
}

func (m *ownMerge) write(changes []conflict.Change) error {
	m.wrote += len(changes)
	m.a.mu.Lock()
	defer m.a.mu.Unlock()
	if err := m.a.index.prefetch(changes); err != nil {
		return err
	}
	for i := range changes {
		if err := m.a.engine.Wrote(&changes[i], &m.landed); err != nil {
			return err
		}
	}
	return nil
}

// carried yields the transactions that a mark covers, large ones in parts: from memory if they are still there, else from the log.
func (a *Applier) carried(ctx context.Context, m relay.Mark) iter.Seq2[*conflict.Transaction, error] {
	return func(yield func(*conflict.Transaction, error) bool) {
		if m.Repair() {
			return
		}
		for seq := m.Range.From; seq <= m.Range.To; seq++ {
			if p := a.remembered(m.Origin, seq); p != nil {
				if !yield(&p.Transaction, nil) {
					return
				}
				continue
			}
			if !a.carriedFromLog(ctx, m.Origin, seq, yield) {
				return
			}
		}
	}
}

func (a *Applier) remembered(r relay.Region, seq relay.Seq) *prepared {
	o := a.originOf(r)
	if o == nil {
		return nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.prepared[seq]
}

func (a *Applier) carriedFromLog(
	ctx context.Context, r relay.Region, seq relay.Seq, yield func(*conflict.Transaction, error) bool,
) bool {
	t, body, err := a.cfg.Log.Received(r).Transaction(seq)
	if err != nil {
		yield(nil, fmt.Errorf("look up transaction %d of region %d, which a mark covers: %w", seq, r, err))
		return false
	}
	c := conflict.Transaction{Origin: t.Origin, Seq: t.Seq, HLC: t.HLC, Deps: t.Deps}
	for part, err := range a.reader.parts(ctx, t.Flavour, body) {
		if err != nil {
			yield(nil, err)
			return false
		}
		c.Emptied, c.Changes = a.emptiedBy(&part), part.changes
		if len(c.Emptied)+len(c.Changes) == 0 {
			continue
		}
		if !yield(&c, nil) {
			return false
		}
	}
	return true
}

// passed lets go of what was kept of a mark's transactions.
func (a *Applier) passed(m relay.Mark) {
	o := a.originOf(m.Origin)
	if o == nil || m.Repair() {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for seq := m.Range.From; seq <= m.Range.To; seq++ {
		if p := o.prepared[seq]; p != nil {
			o.release(p)
		}
	}
}
