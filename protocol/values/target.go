package values

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/octant-db/octant/relay"
)

// Engine is a Target that can say what its tables are, define and empty them, and write to them as an application.
type Engine interface {
	relay.Target
	relay.Definer
	relay.Author
	// Empty takes all rows away from tables that transaction from had emptied in its region; see relay.Definer.
	Empty(ctx context.Context, from relay.Transaction, tables []relay.TableName) (left string, err error)
	// Local describes a table of the database, nil if there is none.
	Local(ctx context.Context, schema, name string) (*Local, error)
}

// widener is an Engine whose rows are written in the form of their log, which fits one type alone.
type widener interface {
	// Widened returns a table of its own as its rows would come if columns that are wider here had been so where the rows were written; nil: none are.
	Widened(ctx context.Context, table *relay.Table) (*relay.Table, error)
}

// Target takes rows of every engine for one that takes its own. Rows that have no local form stay as they came: they have an identity here if their key
// has one, and Write refuses them, each time that they are tried, until they fit.
type Target struct {
	Engine
	flavour relay.Flavour
	demand  func(schema, table string) Demand

	mu    sync.Mutex
	plans map[*relay.Table]*plan
	local map[string]*relay.Table // by name: what plans were made for
	wide  map[*relay.Table]*plan  // of tables of our own; nil: their rows are written as they come
}

// maxPlans bounds what is remembered by the number of its tables.
const maxPlans = 8192

// NewTarget returns a Target over one whose own rows have the flavour. demand says what the rules of conflicts ask of a table; nil: nothing of any.
func NewTarget(e Engine, flavour relay.Flavour, demand func(schema, table string) Demand) *Target {
	return &Target{Engine: e, flavour: flavour, demand: demand, plans: make(map[*relay.Table]*plan), local: make(map[string]*relay.Table), wide: make(map[*relay.Table]*plan)}
}

// Refresh implements relay.Target.
func (t *Target) Refresh() {
	t.mu.Lock()
	clear(t.plans)
	clear(t.local)
	clear(t.wide)
	t.mu.Unlock()
	t.Engine.Refresh()
}

// plan returns how rows of a table are brought over. The caller must not hold mu.
func (t *Target) plan(ctx context.Context, table *relay.Table) (*plan, error) {
	t.mu.Lock()
	p := t.plans[table]
	t.mu.Unlock()
	if p != nil {
		return p, nil
	}
	local, err := t.Local(ctx, table.Schema, table.Name)
	var held *relay.TableError
	switch {
	case errors.As(err, &held):
		p = &plan{from: table, problem: held}
	case err != nil:
		return nil, fmt.Errorf("read the definition of %s: %w", table, err)
	default:
		p = newPlan(table, local)
		t.judge(p)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.plans) >= maxPlans {
		clear(t.plans)
		clear(t.local)
	}
	t.plans[table] = p
	if p.logged != nil {
		t.local[table.String()] = p.logged
	}
	return p, nil
}

// judge holds a table that does not meet what its rule asks for.
func (t *Target) judge(p *plan) {
	if t.demand == nil || p.problem != nil {
		return
	}
	d := t.demand(p.from.Schema, p.from.Name)
	p.strict, p.problem = d.Alike, p.meets(d)
}

// Translate implements relay.Translator.
func (t *Target) Translate(ctx context.Context, changes []relay.Change) error {
	var last *relay.Table
	var wide *plan
	for i := range changes {
		c := &changes[i]
		if c.Table == nil {
			continue
		}
		if c.Table.Flavour == t.flavour {
			if c.Table != last {
				var err error
				if wide, err = t.widened(ctx, c.Table); err != nil {
					return err
				}
				t.seen(c.Table)
			}
			if last = c.Table; wide != nil {
				wide.change(c)
			}
			continue
		}
		p, err := t.plan(ctx, c.Table)
		if err != nil {
			return err
		}
		p.change(c)
	}
	return nil
}

// seen looks at a table of our own as the database logged it: if it is not the one that plans were made for, its definition has changed.
func (t *Target) seen(own *relay.Table) {
	t.mu.Lock()
	defer t.mu.Unlock()
	known := t.local[own.String()]
	if known == nil || known == own || string(known.Native) == string(own.Native) {
		return
	}
	delete(t.local, own.String())
	for from, p := range t.plans {
		if p.logged == known {
			delete(t.plans, from)
		}
	}
}

// fitting returns how rows of a table become local ones, or why they cannot.
func (t *Target) fitting(ctx context.Context, table *relay.Table) (*plan, error) {
	p, err := t.plan(ctx, table)
	if err == nil && p.problem != nil {
		err = p.problem
	}
	return p, err
}

// Check implements relay.Target.
func (t *Target) Check(ctx context.Context, table *relay.Table) error {
	if table.Flavour == t.flavour {
		return t.Engine.Check(ctx, table)
	}
	p, err := t.fitting(ctx, table)
	if err != nil {
		return err
	}
	return t.Engine.Check(ctx, p.to)
}

// Unfit implements relay.Translator.
func (t *Target) Unfit(ctx context.Context, table *relay.Table, row relay.Image) error {
	if err := t.Check(ctx, table); err != nil || row == nil || table.Flavour == t.flavour {
		return err
	}
	p, err := t.fitting(ctx, table)
	if err != nil {
		return err
	}
	if _, err := p.whole(row); err != nil {
		return &ValueError{Table: table.String(), Err: err}
	}
	return nil
}

// Identify implements relay.Target. Of rows that have no local form only the primary key is known. Rows of a table that is missing have provisional identities, and so have those of one that
// has another key here: two rows there could be one row here.
func (t *Target) Identify(ctx context.Context, table *relay.Table, images []relay.Image) ([]relay.Identity, error) {
	if table.Flavour == t.flavour {
		return t.Engine.Identify(ctx, table, images)
	}
	p, err := t.plan(ctx, table)
	switch {
	case err != nil:
		return nil, err
	case !p.keyed && table.Plain == nil:
		return nil, p.problem // nobody knows what they say
	case !p.keyed:
		return provisional(table, images), nil
	}
	identities := make([]relay.Identity, len(images))
	keys, places := make([]relay.Image, 0, len(images)), make([]int, 0, len(images))
	for i, img := range images {
		key, err := p.key(img)
		if err != nil {
			identities[i].Key = foreignKey(table, img)
			continue
		}
		keys, places = append(keys, key), append(places, i)
	}
	found, err := t.Engine.Identify(ctx, p.to, keys)
	if err != nil {
		return nil, err
	}
	for n, id := range found {
		identities[places[n]].Key = id.Key
	}
	return identities, nil
}

// provisional identities are made of the keys' values.
func provisional(table *relay.Table, images []relay.Image) []relay.Identity {
	list := make([]relay.Identity, len(images))
	for i, img := range images {
		list[i] = relay.Identity{Key: foreignKey(table, img), Provisional: true}
	}
	return list
}

// foreignKey is the identity of a row whose key no row here can have, or of which that is not known.
func foreignKey(table *relay.Table, img relay.Image) string {
	list, err := table.Plain.Values(img)
	if err != nil {
		return "\xff\xff" + string(img)
	}
	b := []byte{0xff}
	for _, part := range table.Key {
		v := list[part.Column]
		b = fmt.Appendf(b, "%d,%d,%d,%g,%d:%s;", v.Kind, v.Int, v.Uint, v.Float, len(v.Bytes), v.Bytes)
	}
	return string(b)
}

// Begin implements relay.Target.
func (t *Target) Begin(ctx context.Context, mark relay.Mark) (relay.Tx, error) {
	x, err := t.Engine.Begin(ctx, mark)
	if err != nil {
		return nil, err
	}
	return &tx{Tx: x, target: t}, nil
}

// tx brings over what had no local form when it came.
type tx struct {
	relay.Tx
	target *Target
}

// Write implements relay.Tx.
func (x *tx) Write(ctx context.Context, writes []relay.Write) error {
	foreign, last := false, (*relay.Table)(nil)
	for i := range writes {
		if writes[i].Table == last {
			continue
		}
		last = writes[i].Table
		wide, err := x.target.widened(ctx, last)
		if err != nil {
			return err
		}
		foreign = foreign || wide != nil || last.Flavour != x.target.flavour
	}
	if !foreign {
		return x.Tx.Write(ctx, writes)
	}
	own := make([]relay.Write, 0, len(writes))
	for _, w := range writes {
		there, err := x.target.bring(ctx, &w)
		if err != nil {
			return err
		}
		if there {
			own = append(own, w)
		}
	}
	return x.Tx.Write(ctx, own)
}

// bring brings a write over. False: the row cannot stand here, and shall not.
func (t *Target) bring(ctx context.Context, w *relay.Write) (bool, error) {
	p, err := t.widened(ctx, w.Table)
	if w.Table.Flavour == t.flavour && (p == nil || err != nil) {
		return err == nil, err
	}
	if p == nil {
		p, err = t.plan(ctx, w.Table)
	}
	switch {
	case err != nil:
		return false, err
	case p.problem != nil:
		return false, p.problem
	}
	if w.Before != nil {
		if w.Before, err = p.key(w.Before); err != nil && w.After == nil {
			return false, nil
		}
	}
	if w.After != nil {
		if w.After, err = p.whole(w.After); err != nil {
			return false, &ValueError{Table: w.Table.String(), Err: err}
		}
	}
	w.Table = p.to
	return true, nil
}

// Below implements relay.Family, if the target's engine does.
func (t *Target) Below(ctx context.Context, table *relay.Table, images []relay.Image) ([]relay.Change, error) {
	family, ok := t.Engine.(relay.Family)
	if !ok || table.Flavour != t.flavour {
		return nil, nil
	}
	return family.Below(ctx, table, images)
}

// Heads implements relay.Family, if the target's engine does.
func (t *Target) Heads(ctx context.Context, table relay.TableName) (bool, error) {
	family, ok := t.Engine.(relay.Family)
	if !ok {
		return false, nil
	}
	return family.Heads(ctx, table)
}

// Divides implements relay.Divider, if the target's engine does.
func (t *Target) Divides() bool { return relay.Divides(t.Engine) }

// Define implements relay.Definer. What a table is emptied by can be said in the words of any engine.
func (t *Target) Define(ctx context.Context, from relay.Transaction, c relay.Change) (left string, err error) {
	switch {
	case from.Flavour == t.flavour:
		return t.Engine.Define(ctx, from, c)
	case c.Definition.Empties:
		return t.Empty(ctx, from, c.Definition.Tables)
	}
	return "it is in the words of another engine", nil
}

// Author implements relay.Author.
func (t *Target) Author(ctx context.Context, table *relay.Table, key relay.Image, row string) error {
	table, key, err := t.here(ctx, table, key)
	if err != nil {
		return err
	}
	return t.Engine.Author(ctx, table, key, row)
}

// Stands implements relay.Author.
func (t *Target) Stands(ctx context.Context, table *relay.Table, key relay.Image, row string) (bool, error) {
	table, key, err := t.here(ctx, table, key)
	if err != nil {
		return false, err
	}
	return t.Engine.Stands(ctx, table, key, row)
}

// here returns a table and a key of it as this engine has them.
func (t *Target) here(ctx context.Context, table *relay.Table, key relay.Image) (*relay.Table, relay.Image, error) {
	if table.Flavour == t.flavour {
		return table, key, nil
	}
	p, err := t.fitting(ctx, table)
	if err != nil {
		return nil, nil, err
	}
	if key, err = p.key(key); err != nil {
		return nil, nil, &ValueError{Table: table.String(), Err: err}
	}
	return p.to, key, nil
}
