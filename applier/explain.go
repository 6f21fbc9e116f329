package applier

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/octant-db/octant/conflict"
	"github.com/octant-db/octant/relay"
)

// Explain tells, step by step, why a row shows what it shows: what is remembered of it, and its conflicts on record. Key has the values of the primary key in
// its order, as text.
func (a *Applier) Explain(ctx context.Context, table string, key []string) ([]relay.Reasoning, error) {
	steps, row, err := a.known(table, key)
	if err != nil {
		return nil, fmt.Errorf("explain a row of %s: %w", table, err)
	}
	conflicts, err := a.notes.all(ctx, a)
	if err != nil {
		return nil, err
	}
	for _, c := range conflicts {
		if c.Conflict.Table == table && (c.Row == row || row == "" && shownKey(c.table, c.Image, a.describe(c.Description)) == strings.Join(key, "\x00")) {
			lost := c.Remote
			if c.Decision == "remote" {
				lost = c.Local
			}
			steps = append(steps, relay.Reasoning{Step: "conflict", Version: c.Loser, Row: lost, Why: verdictOf(&c.Conflict)})
		}
	}
	return steps, nil
}

// verdictOf says what a conflict was and what came of it.
func verdictOf(c *relay.Conflict) string {
	if c.Kind == conflict.UpdateMissing {
		return fmt.Sprintf("%s: the row was not in the table when %v came, which was written as the whole row (octant.conflicts, id %d)", c.Kind, c.Winner, c.ID)
	}
	return fmt.Sprintf("%s, decided by %s: %s; %v stands against %v (octant.conflicts, id %d)", c.Kind, c.Policy, c.Decision, c.Winner, c.Loser, c.ID)
}

// describe returns a saved description of a table, nil if there is none.
func (a *Applier) describe(n uint32) *relay.Table {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.index.tables.byNo[n]
}

// shownKey is the text of a row's key, for the first of two tables that is known.
func shownKey(t *relay.Table, img relay.Image, other *relay.Table) string {
	if t == nil {
		t = other
	}
	if t == nil || img == nil {
		return ""
	}
	values, err := keyText(t, img)
	if err != nil {
		return ""
	}
	return strings.Join(values, "\x00")
}

// known explains what the index has of a row, and returns the row's key there; "" if it has nothing.
func (a *Applier) known(table string, key []string) ([]relay.Reasoning, conflict.Key, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	policy := a.policy(table)
	is := func(r *conflict.Register) bool {
		values, err := keyText(r.Row.Table, r.Row.Image)
		return err == nil && slices.Equal(values, key)
	}
	k, err := a.index.search(keyOf(table, ""), is)
	if k == "" && err == nil {
		k, err = a.index.search(provisional+keyOf(table, ""), is)
	}
	if err != nil {
		return nil, "", err
	}
	if k == "" {
		return []relay.Reasoning{{Step: "forgotten", Why: "under policy " + policy +
			" nothing is left to decide: every region has shown its last write, and the next one, by whomever, replaces it"}}, "", nil
	}
	right, reg, err := a.engine.Right(k)
	if err != nil {
		return nil, "", err
	}
	e := explanation{a: a, policy: policy, key: k, reg: &reg}
	e.shows(right)
	if reg.History != nil {
		e.history(reg.History)
	}
	return e.steps, k, nil
}

type explanation struct {
	a      *Applier
	policy string
	key    conflict.Key
	reg    *conflict.Register
	steps  []relay.Reasoning
}

func (e *explanation) add(step string, v relay.Version, row conflict.Row, why string) {
	e.steps = append(e.steps, relay.Reasoning{Step: step, Version: v, Row: e.a.notes.show(row, false), Why: why})
}

// shows explains what the table is to show.
func (e *explanation) shows(right conflict.Shown) {
	hidden := e.reg.Row.Exists() && !right.Row.Exists()
	switch {
	case !right.Known:
		e.add("shown", e.reg.Shown, conflict.Row{}, "what stands in the table is right: no write above the stable cut has changed it")
	case hidden:
		e.add("hidden", e.reg.Shown, e.reg.Row, "a later row has one of its unique values; it is put back when the value is free")
	case e.policy == "lww":
		e.add("shown", e.reg.Shown, right.Row, "the latest write: no region has written a later version")
	default:
		e.add("shown", e.reg.Shown, right.Row, "what policy "+e.policy+" makes of the writes below")
	}
	switch {
	case e.a.letters.byKey[e.key] != nil:
		e.add("owed", e.reg.Version, conflict.Row{}, "the database refuses the row: see octant.dead_letters")
	case e.a.rule(e.key) != nil && e.a.rule(e.key).Held:
		e.add("owed", e.reg.Version, conflict.Row{}, "the table is held: see octant.tables")
	case e.a.engine.Owes(e.key):
		e.add("owed", e.reg.Version, conflict.Row{}, "the row is being written, or waits for repair")
	}
}

// history explains the writes that a policy folds.
func (e *explanation) history(h *conflict.History) {
	base := "what stood before the writes below"
	if !h.Base.Known {
		base = "what stood before the writes below has not been needed yet"
	}
	e.add("base", h.Base.Version, h.Base.Row, base)
	stable := e.a.engine.Stable()
	for _, ev := range h.Events {
		why := "counts"
		if ev.Rejected {
			why = "does not count: its author had not seen, or had not changed, what stood then"
		}
		if ev.Version.HLC > stable {
			why += "; tentatively, until every region has been heard"
		}
		e.add("write", ev.Version, ev.After, why)
	}
}

// keyText is a row's primary key as text.
func keyText(t *relay.Table, img relay.Image) ([]string, error) {
	if t == nil || t.Decode == nil {
		return nil, relay.ErrNotFound
	}
	values, err := t.Decode(img)
	if err != nil {
		return nil, err
	}
	text := make([]string, len(t.Key))
	for i, part := range t.Key {
		text[i] = valueText(&t.Columns[part.Column], values[part.Column])
	}
	return text, nil
}

// valueText is a value as one would type it.
func valueText(c *relay.Column, v relay.Value) string {
	switch v.Kind {
	case relay.Null:
		return ""
	case relay.Int:
		return strconv.FormatInt(v.Int, 10)
	case relay.Uint, relay.Set:
		return strconv.FormatUint(v.Uint, 10)
	case relay.Float32, relay.Float64:
		return strconv.FormatFloat(v.Float, 'g', -1, 64)
	case relay.Enum:
		if n := v.Uint; n > 0 && n <= uint64(min(len(c.Labels), math.MaxInt32)) {
			return c.Labels[n-1]
		}
		return ""
	case relay.Binary, relay.Bits, relay.Geometry:
		return fmt.Sprintf("0x%x", v.Bytes)
	case relay.UUID, relay.Inet:
		return fmt.Sprintf("%x", v.Bytes)
	}
	return string(v.Bytes)
}
