package applier

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/octant-db/octant/conflict"
	"github.com/octant-db/octant/relay"
)

// partRows is how many changes are decoded and identified together.
const partRows = 1024

// part is a run of a transaction's changes, ready for the engine.
type part struct {
	changes []conflict.Change
	// alone are the ties by which rows have changed in their region alone, since others were given another key, for all that the log says.
	alone []string
	// followed are those by which rows have followed them to it in no log.
	followed []string
	unique   []string // values of secondary unique keys that it takes or gives up, table and index in front
	bytes    int64
	// definitions are statements that change definitions; a part that has one has nothing else.
	definitions []relay.Change
}

// reader turns native transactions into changes with identities. It leaves out tables that are not replicated.
type reader struct {
	target   relay.Target
	flavour  relay.Flavour // the database's own
	decoders map[relay.Flavour]relay.Decoder
	include  func(schema, table string) bool
	// admit tells why rows of a table cannot have provisional identities; nil: they can.
	admit func(t *relay.Table) error
	// windows holds slices of changes that are being identified, to be used again.
	windows sync.Pool
	// era counts how often definitions may have changed by which rows are identified. It begins with 1.
	era atomic.Uint64
}

// refresh has the target look at definitions anew.
func (r *reader) refresh() {
	r.era.Add(1)
	r.target.Refresh()
}

// window is a run of changes that are identified together.
type window struct{ changes []relay.Change }

// take lends an empty window.
func (r *reader) take() *window {
	if w, ok := r.windows.Get().(*window); ok {
		return w
	}
	return new(window)
}

// giveBack ends the loan. A window does not keep the bytes of transactions.
func (r *reader) giveBack(w *window) {
	w.empty()
	r.windows.Put(w)
}

func (w *window) empty() {
	clear(w.changes)
	w.changes = w.changes[:0]
}

// parts yields a transaction's changes in order, partRows at a time.
func (r *reader) parts(ctx context.Context, flavour relay.Flavour, body relay.Body) iter.Seq2[part, error] {
	return func(yield func(part, error) bool) {
		w := r.take()
		defer r.giveBack(w)
		for c, err := range r.rows(flavour, body) {
			if err != nil {
				yield(part{}, err)
				return
			}
			statement := c.Op == relay.Statement
			if !statement {
				w.changes = append(w.changes, c)
			}
			if len(w.changes) > 0 && (statement || len(w.changes) >= partRows) {
				if !r.yieldPart(ctx, w.changes, yield) {
					return
				}
				w.empty()
			}
			if statement && !yield(part{definitions: []relay.Change{c}}, nil) {
				return
			}
		}
		if len(w.changes) > 0 {
			r.yieldPart(ctx, w.changes, yield)
		}
	}
}

func (r *reader) yieldPart(ctx context.Context, window []relay.Change, yield func(part, error) bool) bool {
	p, err := r.identify(ctx, window)
	if err == nil {
		err = ctx.Err()
	}
	return yield(p, err) && err == nil
}

// rows yields the changes of replicated rows, and of definitions. Other statements, tables without a primary key and tables that are not included have been
// reported where they were captured.
func (r *reader) rows(flavour relay.Flavour, body relay.Body) iter.Seq2[relay.Change, error] {
	return func(yield func(relay.Change, error) bool) {
		decoder := r.decoders[flavour]
		if decoder == nil {
			yield(relay.Change{}, fmt.Errorf("decode transaction: no decoder for flavour %q", flavour))
			return
		}
		for c, err := range decoder.Changes(body) {
			if err == nil && c.Op == relay.Statement {
				r.refresh() // it may have changed a definition
			}
			if err == nil && !r.replicated(&c) && !r.defines(&c) {
				continue
			}
			if !yield(c, err) || err != nil {
				return
			}
		}
	}
}

func (r *reader) replicated(c *relay.Change) bool {
	return c.Table != nil && len(c.Table.Key) > 0 && r.include(c.Table.Schema, c.Table.Name)
}

// defines tells whether a change is of definitions that concern this cluster. What does not say what it is about may.
func (r *reader) defines(c *relay.Change) bool {
	d := c.Definition
	if d == nil {
		return false
	}
	return len(d.Tables) == 0 || slices.ContainsFunc(d.Tables, func(n relay.TableName) bool { return r.include(n.Schema, n.Table) })
}

// identify gives changes their keys. Those of other engines are brought into the local form first, and once more when the keys are known: if their table was made in between, they have
// its keys, but not its form, and nobody would look again.
func (r *reader) identify(ctx context.Context, window []relay.Change) (p part, err error) {
	t, mixed := r.target.(relay.Translator)
	if !mixed {
		return r.identifyRuns(ctx, window)
	}
	for foreign := -1; ; {
		if err := t.Translate(ctx, window); err != nil {
			return part{}, fmt.Errorf("bring rows into the form of this database: %w", err)
		}
		left := r.foreign(window)
		if left == foreign {
			return p, nil
		}
		if p, err = r.identifyRuns(ctx, window); err != nil || left == 0 {
			return p, err
		}
		foreign = left
	}
}

// foreign counts the changes that are in the form of another engine.
func (r *reader) foreign(window []relay.Change) (n int) {
	for i := range window {
		if t := window[i].Table; t != nil && t.Flavour != r.flavour {
			n++
		}
	}
	return n
}

// identifyRuns gives changes their keys. Rows of one table are asked for together.
func (r *reader) identifyRuns(ctx context.Context, window []relay.Change) (part, error) {
	p := part{changes: make([]conflict.Change, 0, len(window))}
	for from := 0; from < len(window); {
		to := from + 1
		for to < len(window) && window[to].Table == window[from].Table {
			to++
		}
		ids, err := r.identifyRun(ctx, window[from:to])
		if err != nil {
			return part{}, err
		}
		p.assemble(window[from:to], ids)
		from = to
	}
	return p, nil
}

// identifyRun asks for the identities of the images of changes of one table, in their order.
func (r *reader) identifyRun(ctx context.Context, run []relay.Change) ([]relay.Identity, error) {
	images := make([]relay.Image, 0, 2*len(run))
	for i := range run {
		if run[i].Before != nil {
			images = append(images, run[i].Before)
		}
		if run[i].After != nil {
			images = append(images, run[i].After)
		}
	}
	ids, err := r.target.Identify(ctx, run[0].Table, images)
	if err == nil && len(ids) > 0 && ids[0].Provisional && r.admit != nil {
		err = r.admit(run[0].Table)
	}
	if err != nil {
		return nil, fmt.Errorf("identify rows of %s: %w", run[0].Table, err)
	}
	return ids, nil
}

// assemble adds changes of one table with the identities of their images. It splits those that move a row to another key, and collects the unique values.
func (p *part) assemble(run []relay.Change, ids []relay.Identity) {
	table := run[0].Table
	name, none := table.String(), relay.Identity{}
	for i := range run {
		c := &run[i]
		p.bytes += int64(len(c.Before) + len(c.After))
		before, after := &none, &none
		var was, is conflict.Row
		var wasKey, isKey conflict.Key
		if c.Before != nil {
			before, ids = &ids[0], ids[1:]
			was, wasKey = rowOf(table, name, c.Before, before), rowKey(name, before)
		}
		if c.After != nil {
			after, ids = &ids[0], ids[1:]
			is, isKey = rowOf(table, name, c.After, after), wasKey
			if c.Before == nil || after.Key != before.Key {
				isKey = rowKey(name, after)
			}
		}
		p.changes = appendChange(p.changes, was, wasKey, is, isKey)
		if was.Exists() && is.Exists() && len(before.Keyed) > 0 {
			p.leave(before.Keyed, after.Keyed, is)
		}
		p.unique = appendUnique(p.unique, was.Unique, is.Unique)
	}
}

func appendChange(list []conflict.Change, was conflict.Row, wasKey conflict.Key, is conflict.Row, isKey conflict.Key) []conflict.Change {
	if was.Exists() && is.Exists() && wasKey != isKey {
		return append(list,
			conflict.Change{Key: wasKey, Before: was, After: was.Deleted(), Moved: true},
			conflict.Change{Key: isKey, After: is},
		)
	}
	if !is.Exists() {
		is, isKey = was.Deleted(), wasKey
	}
	return append(list, conflict.Change{Key: isKey, Before: was, After: is})
}

// appendUnique adds the unique values that change hands: a value that a row keeps is guarded by the row's own key.
func appendUnique(list, was, is []string) []string {
	if slices.Equal(was, is) {
		return list
	}
	return append(append(list, was...), is...)
}

// rowOf is a row with what is known of it.
func rowOf(t *relay.Table, name string, image relay.Image, id *relay.Identity) conflict.Row {
	return conflict.Row{Table: t, Image: image, Unique: valuesOf(name, id.Unique), Parents: id.Parents, Children: id.Children, Middle: id.Middle, Partial: id.Partial}
}

// valuesOf puts the table in front of unique values.
func valuesOf(table string, unique []string) []string {
	if len(unique) == 0 {
		return nil
	}
	list := make([]string, len(unique))
	for i, u := range unique {
		list[i] = table + "\x01" + u
	}
	return list
}

// keyOf joins a table's name and a row's identity.
func keyOf(table, identity string) conflict.Key { return conflict.Key(table + "\x00" + identity) }

// provisional is what the keys of rows begin with whose identities are: no table's name does.
const provisional = "\x00\xfe"

// isProvisional tells whether a key is not the one that its row will have once its table is there.
func isProvisional(k conflict.Key) bool { return strings.HasPrefix(string(k), provisional) }

// rowKey is the key of a row with an identity.
func rowKey(table string, id *relay.Identity) conflict.Key {
	if id.Provisional {
		return provisional + keyOf(table, id.Key)
	}
	return keyOf(table, id.Key)
}
