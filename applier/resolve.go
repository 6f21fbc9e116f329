package applier

import (
	"context"
	"errors"
	"fmt"

	"github.com/octant-db/octant/relay"
)

// Resolve decides a conflict anew: it writes one of its two rows, or another one as JSON, into the local database, as an application would. The write
// goes everywhere, and is later than both. Errors are for the operator; ErrNotFound: there is no such conflict.
func (a *Applier) Resolve(ctx context.Context, id uint64, choice string) error {
	author, ok := a.cfg.Target.(relay.Author)
	if !ok {
		return errors.New("rows of this kind of database cannot be written here: write the row in the database itself")
	}
	c, err := a.conflict(ctx, id)
	if err != nil {
		return err
	}
	row := choice
	switch choice {
	case "local":
		row = c.Local
	case "remote":
		row = c.Remote
	}
	old := choice == "local" || choice == "remote"
	if old && c.Partial {
		return fmt.Errorf("resolve conflict %d: its rows were too large to be kept: give the row as a JSON object", id)
	}
	table, known, err := a.resolvable(&c, old)
	if err == nil && old && !known {
		err = a.unwritten(ctx, author, table, &c)
	}
	if err == nil {
		err = author.Author(ctx, table, c.Image, row)
	}
	if err != nil {
		return fmt.Errorf("resolve conflict %d: %w", id, err)
	}
	return nil
}

// unwritten tells whether a row that nothing is known of any more still stands as the conflict left it.
func (a *Applier) unwritten(ctx context.Context, author relay.Author, table *relay.Table, c *savedNote) error {
	row := c.Local
	if c.Decision == "remote" {
		row = c.Remote
	}
	stands, err := author.Stands(ctx, table, c.Image, row)
	if err == nil && !stands {
		err = errWritten
	}
	return err
}

var errWritten = errors.New("its row has been written since: look at it again, and give the row that you want as a JSON object")

// conflict finds a conflict on record.
func (a *Applier) conflict(ctx context.Context, id uint64) (savedNote, error) {
	all, err := a.notes.all(ctx, a)
	if err != nil {
		return savedNote{}, err
	}
	for _, c := range all {
		if c.ID == id {
			return c, nil
		}
	}
	return savedNote{}, fmt.Errorf("conflict %d: %w", id, relay.ErrNotFound)
}

// resolvable returns the table of a conflict, unless its row is known to have been written since by somebody who may not know of the conflict. It also tells whether anything
// is known of the row.
func (a *Applier) resolvable(c *savedNote, old bool) (table *relay.Table, known bool, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	table = c.table
	if table == nil && c.Description > 0 {
		if table, err = a.index.tables.table(c.Description); err != nil {
			return nil, false, err
		}
	}
	if table == nil {
		return nil, false, errors.New("its rows were too large to be kept: write the row in the database itself")
	}
	if !old {
		return table, false, nil
	}
	newest := c.Winner
	if c.Loser.After(newest) {
		newest = c.Loser
	}
	_, reg, err := a.engine.Right(c.Row)
	if err != nil {
		return nil, false, err
	}
	if isProvisional(c.Row) || reg.Shown.After(newest) {
		return nil, false, errWritten
	}
	return table, !reg.Shown.IsZero(), nil
}
