package apply

import (
	"context"
	"fmt"

	"github.com/octant-db/octant/relay"
)

// rowGroup are the rows of one table, by what is to be done with them.
type rowGroup struct {
	table                     *relay.Table
	deletes, updates, inserts []*relay.Write
	unknown                   []*relay.Write
	// short says that the rows lack columns that the table has. An UPDATE would leave there what stands there; taken out and put in again a
	// row has there what it has in every other region.
	short bool
}

// shorten finds out whether a group's rows are short. A table that is not as it must be is refused here: the server would take rows with more columns than it has, and leave out the last ones.
func (g *rowGroup) shorten(ctx context.Context, t *Target) error {
	known, err := t.table(ctx, g.table)
	switch {
	case err != nil:
		return err
	case known.problem != nil:
		return known.problem
	case !known.short:
		return nil
	}
	g.short = true
	g.deletes, g.inserts, g.updates = append(g.deletes, g.updates...), append(g.inserts, g.updates...), nil
	return nil
}

// group sorts writes by table, in the order in which tables come first. Within a table deletes come first, so that the
// unique values they free can be taken, then updates, then inserts.
func group(writes []relay.Write) ([]*rowGroup, error) {
	var groups []*rowGroup
	var last *rowGroup
	for i := range writes {
		w := &writes[i]
		if last == nil || last.table != w.Table {
			if last = find(groups, w.Table); last == nil {
				last = &rowGroup{table: w.Table}
				groups = append(groups, last)
			}
		}
		if err := last.add(w); err != nil {
			return nil, err
		}
	}
	return groups, nil
}

func find(groups []*rowGroup, t *relay.Table) *rowGroup {
	for _, g := range groups {
		if g.table == t {
			return g
		}
	}
	return nil
}

func (g *rowGroup) add(w *relay.Write) error {
	switch {
	case len(g.table.Key) == 0:
		return &relay.TableError{Table: g.table.String(), Reason: "it has no primary key: add one in all regions"}
	case w.Before == nil && w.After == nil:
		return fmt.Errorf("write rows of %s: a write has no image", g.table)
	case w.Expect == relay.Unknown:
		g.unknown = append(g.unknown, w)
	case w.Expect == relay.Absent && w.After == nil: // it is as it shall be
	case w.Expect == relay.Absent:
		g.inserts = append(g.inserts, w)
	case w.After == nil:
		g.deletes = append(g.deletes, w)
	default:
		g.updates = append(g.updates, w)
	}
	return nil
}

// keyImage returns an image that the row can be found with.
func keyImage(w *relay.Write) relay.Image {
	if w.Before != nil {
		return w.Before
	}
	return w.After
}
