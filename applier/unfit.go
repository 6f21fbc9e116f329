package applier

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/octant-db/octant/conflict"
	"github.com/octant-db/octant/relay"
)

// Unfit is a row that the database of a region that joins cannot hold. It does not stand there, until the log brings one that it can.
type Unfit struct {
	Key    []byte // what the row is called here
	Table  string // "schema.table"
	Row    string // its primary key, for people
	Reason string
}

// maxUnfit bounds how many there may be: of more, most are of one column's making.
const maxUnfit = 1000

// Unfit lists the rows that the database cannot hold, of all that was done so far.
func (r *Redo) Unfit() []Unfit {
	list := make([]Unfit, 0, len(r.unfit))
	for _, u := range r.unfit {
		list = append(list, u)
	}
	slices.SortFunc(list, func(a, b Unfit) int { return strings.Compare(string(a.Key), string(b.Key)) })
	return list
}

// Recall takes up what an earlier Redo listed.
func (r *Redo) Recall(list []Unfit) {
	for _, u := range list {
		r.unfit[conflict.Key(u.Key)] = u
	}
}

// judge has a row that cannot stand here not stand here, and keeps why.
func (r *Redo) judge(ctx context.Context, c *conflict.Change, w *relay.Write) error {
	delete(r.unfit, c.Key)
	if r.cfg.Flavour == "" || !c.After.Exists() || c.After.Table.Flavour == r.cfg.Flavour {
		return nil
	}
	why := r.fits(ctx, c.After.Table, c.After.Image)
	if why == nil {
		return nil
	}
	reason, refused := relay.Rejected(why)
	if !refused || reason.Whole {
		return why
	}
	if len(r.unfit) >= maxUnfit {
		return fmt.Errorf("%d rows, and more, have values that this database cannot hold, such as: %w", maxUnfit, why)
	}
	r.unfit[c.Key] = Unfit{
		Key: []byte(c.Key), Table: c.After.Table.String(), Row: r.cfg.JSON(c.After.Table, c.After.Image, true), Reason: reason.Detail,
	}
	w.Table, w.Before, w.After = c.After.Table, c.After.Image, nil
	return nil
}

// fits tells why a row of another engine's table cannot stand here; without a row, why none can.
func (r *Redo) fits(ctx context.Context, t *relay.Table, img relay.Image) error {
	translator, able := r.cfg.Target.(relay.Translator)
	if !able {
		return &relay.TableError{Table: t.String(), Reason: "this database takes no rows of other engines"}
	}
	return translator.Unfit(ctx, t, img)
}

// Fits tells why rows of a table of another engine cannot be copied, nil if they can be.
func (r *Redo) Fits(ctx context.Context, described relay.RowImages) error {
	t, err := r.cfg.Table(described.Flavour, described.Native)
	if err != nil {
		return err
	}
	return r.fits(ctx, t, nil)
}

// Put writes rows of another engine, whatever stands there. Nothing else is taken and not written yet.
func (r *Redo) Put(ctx context.Context, rows relay.RowImages) error {
	t, err := r.cfg.Table(rows.Flavour, rows.Native)
	if err != nil {
		return err
	}
	for images := range slices.Chunk(rows.Images, partRows) {
		window := make([]relay.Change, len(images))
		for i, img := range images {
			window[i] = relay.Change{Op: relay.Insert, Table: t, After: img}
		}
		p, err := r.reader.identify(ctx, window)
		if err != nil {
			return err
		}
		for i := range p.changes {
			if err := r.add(ctx, &p.changes[i]); err != nil {
				return err
			}
		}
		r.expectNoRow()
		if err := r.Flush(ctx); err != nil {
			return err
		}
	}
	return nil
}

// expectNoRow has rows that are copied be written as new ones, as they mostly are.
func (r *Redo) expectNoRow() {
	r.absent = true
	for i := range r.list {
		if w := &r.list[i]; w.After != nil {
			w.Expect, w.Clear = relay.Absent, false
		}
	}
}
