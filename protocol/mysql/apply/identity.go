package apply

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/relay"
)

// identityPlan says how identities of a table's rows are made. It is never changed once made.
type identityPlan struct {
	columns *binlog.Columns // reads the columns that are in some key
	count   int             // how many these are
	keys    []keyPlan       // the primary key first
	middle  bool            // there are some of both roles: parentKey and childKey
}

// keyPlan is one key. Parts without a collation become canonical bytes; the others' weights come from the database.
type keyPlan struct {
	role  keyRole
	name  string // "" for the primary key
	parts []partPlan
	// Of what ties refer to: the columns, and whether the database logs what they do.
	columns []int
	logged  bool
}

// keyRole says what a key's value is for.
type keyRole uint8

const (
	primaryKey keyRole = iota
	uniqueKey
	parentKey // a foreign key: the value names the row's parent
	followKey // the same, and the row follows it to another key
	childKey  // what a foreign key refers to: the value is that by which children name the row
	keyedKey  // the same, for what happens to them when it is changed
)

type partPlan struct {
	place  int // among the values that are read
	prefix int
	text   textRule
}

// planIdentity makes the plan from the table as it came, for the primary key, and the database's own definition, for the
// secondary unique keys. A unique key with a column that did not come is left out: Check finds such tables.
func planIdentity(d dialect, t *relay.Table, l *localTable, ties []tie) (*identityPlan, error) {
	if len(t.Key) == 0 {
		return nil, &relay.TableError{Table: t.String(), Reason: "it has no primary key: add one in all regions"}
	}
	p := &identityPlan{}
	var wanted []int
	places := map[int]int{}
	place := func(column int) int {
		if _, ok := places[column]; !ok {
			places[column] = len(wanted)
			wanted = append(wanted, column)
		}
		return places[column]
	}
	primary := keyPlan{}
	for _, part := range t.Key {
		primary.parts = append(primary.parts, newPart(d, t.Columns[part.Column], place(part.Column), part.Prefix))
	}
	p.keys = append(p.keys, primary)
	for _, index := range l.unique {
		if key, ok := planUnique(d, t, l, index, place); ok {
			p.keys = append(p.keys, key)
		}
	}
	for i := range ties {
		p.keys = append(p.keys, planTie(d, t, &ties[i], place)...)
	}
	p.middle = p.has(parentKey) && p.has(childKey)
	var err error
	p.count = len(wanted)
	if p.columns, err = binlog.NewColumns(t, wanted); err != nil {
		return nil, fmt.Errorf("identify rows of %s: %w", t, err)
	}
	return p, nil
}

// has tells whether any key has a role.
func (p *identityPlan) has(role keyRole) bool {
	return slices.ContainsFunc(p.keys, func(k keyPlan) bool { return k.role == role })
}

func planUnique(d dialect, t *relay.Table, l *localTable, index localIndex, place func(int) int) (keyPlan, bool) {
	key := keyPlan{role: uniqueKey, name: index.name}
	columns := make([]int, len(index.parts))
	for i, part := range index.parts {
		if columns[i] = columnOf(t, l.columns[part.column].name, part.column); columns[i] < 0 {
			return key, false
		}
	}
	for i, part := range index.parts {
		key.parts = append(key.parts, newPart(d, t.Columns[columns[i]], place(columns[i]), part.prefix))
	}
	return key, true
}

// columnOf finds a column by name; place is where it probably is.
func columnOf(t *relay.Table, name string, place int) int {
	if place < len(t.Columns) && t.Columns[place].Name == name {
		return place
	}
	for i := range t.Columns {
		if t.Columns[i].Name == name {
			return i
		}
	}
	return -1
}

func newPart(d dialect, c relay.Column, place, prefix int) partPlan {
	p := partPlan{place: place, prefix: prefix}
	if c.Kind == relay.Text {
		p.text = d.text(c, prefix)
	}
	return p
}

// Identify gives each image its identity; see relay.Target. The primary key's comes from the table's own description, the
// unique keys' from the database's definition of the table as it was when it was first asked for, until Refresh.
func (t *Target) Identify(ctx context.Context, table *relay.Table, images []relay.Image) ([]relay.Identity, error) {
	k, err := t.table(ctx, table)
	if err != nil {
		return nil, fmt.Errorf("identify rows of %s: %w", table, err)
	}
	if k.badPlan != nil {
		return nil, k.badPlan
	}
	r := identifier{plan: k.identity, weights: t.weights}
	identities := make([]relay.Identity, len(images))
	for i, image := range images {
		if err := r.identify(image, &identities[i]); err != nil {
			return nil, fmt.Errorf("identify rows of %s: %w", table, err)
		}
	}
	if len(r.missing) == 0 {
		return identities, nil
	}
	return t.identifyRest(ctx, &r, images, identities)
}

// identifyRest asks the database for the weights that were not known, and makes the identities that need them.
func (t *Target) identifyRest(ctx context.Context, r *identifier, images []relay.Image, identities []relay.Identity) ([]relay.Identity, error) {
	found, err := t.askWeights(ctx, r.missing)
	if err != nil {
		return nil, err
	}
	r.found, r.missing = found, nil
	for _, i := range r.unfinished {
		identities[i] = relay.Identity{}
		if err := r.identify(images[i], &identities[i]); err != nil {
			return nil, err
		}
	}
	if len(r.missing) > 0 {
		return nil, fmt.Errorf("identify rows: the database left out %d weights", len(r.missing))
	}
	return identities, nil
}

// identifier makes identities, one image after the other, with memory that it uses again.
type identifier struct {
	plan    *identityPlan
	weights *weights
	found   map[string]string // weights that were just asked for, whatever the cache kept

	n          int // images seen
	values     []relay.Value
	arena, key []byte
	ask        []byte
	missing    map[string]question // weights to ask for, by cache key
	unfinished []int               // images that need them
}

func (r *identifier) identify(image relay.Image, to *relay.Identity) error {
	var err error
	if r.values, r.arena, err = r.plan.columns.Values(image, r.values[:0], r.arena[:0]); err != nil {
		return err
	}
	to.Middle = r.plan.middle
	whole := true
	for i := range r.plan.keys {
		whole = r.makeKey(&r.plan.keys[i], to) && whole
	}
	if !whole {
		r.unfinished = append(r.unfinished, r.n)
	}
	r.n++
	return nil
}

// makeKey makes one key's identity. It returns false when weights are missing.
func (r *identifier) makeKey(k *keyPlan, to *relay.Identity) bool {
	r.key = r.key[:0]
	if k.role != primaryKey {
		r.key = append(append(r.key, k.name...), 0)
	}
	whole := true
	for i := range k.parts {
		v := r.values[k.parts[i].place]
		if v.IsNull() {
			return whole // NULL is never equal to anything
		}
		whole = r.appendPart(&k.parts[i], v) && whole
	}
	if whole {
		k.role.put(to, string(r.key))
		if k.role == keyedKey {
			to.Keyed = append(to.Keyed, relay.Keyed{Name: string(r.key), Exact: r.exact(k), Columns: k.columns, Logged: k.logged})
		}
	}
	return whole
}

// exact is a key's value without the database's rules of equality: a foreign key acts on "a" that becomes "A", too.
func (r *identifier) exact(k *keyPlan) string {
	var b []byte
	for i := range k.parts {
		v := r.values[k.parts[i].place]
		if v.Kind == relay.Text {
			b = appendSized(b, v.Bytes)
			continue
		}
		b = appendCanonical(b, v, 0)
	}
	return string(b)
}

func (role keyRole) put(to *relay.Identity, value string) {
	switch role {
	case primaryKey:
		to.Key = value
	case uniqueKey:
		to.Unique = append(to.Unique, value)
	case parentKey, followKey:
		to.Parents = append(to.Parents, value)
	case childKey:
		to.Children = append(to.Children, value)
	}
}

// appendPart appends one column, with its length in front where that varies, so that keys of several columns cannot be confused.
func (r *identifier) appendPart(p *partPlan, v relay.Value) bool {
	if v.Kind != relay.Text {
		r.key = appendCanonical(r.key, v, p.prefix)
		return true
	}
	if b, ok := p.text.canonical(v.Bytes); ok {
		r.key = appendSized(r.key, b)
		return true
	}
	r.ask = p.text.appendQuestion(r.ask[:0], v.Bytes)
	w, ok := r.found[string(r.ask)]
	if !ok {
		w, ok = r.weights.get(r.ask)
	}
	if !ok {
		if r.missing == nil {
			r.missing = map[string]question{}
		}
		r.missing[string(r.ask)] = question{rule: &p.text, value: string(v.Bytes)}
		return false
	}
	r.key = append(binary.AppendUvarint(r.key, uint64(len(w))), w...)
	return true
}
