package join

import (
	"context"
	"errors"
	"fmt"

	"github.com/octant-db/octant/relay"
)

// misfits says which tables of a donor of another engine do not go together with those here. Nothing has been written yet.
func (n *Newcomer) misfits(ctx context.Context, theirs, ours []relay.TableDefinition) (reasons []string, err error) {
	here := make(map[string]bool)
	for _, t := range ours {
		here[t.Name] = true
	}
	for _, t := range theirs {
		if !here[t.Name] {
			reasons = append(reasons, "table "+t.Name+" is missing here: create it, with types as docs/types.md says")
			continue
		}
		delete(here, t.Name)
		described, err := n.Donor.Side.Images(ctx, t.Name, "", 0)
		if err != nil {
			return nil, fmt.Errorf("join: %w", err)
		}
		err = n.Redo.Fits(ctx, described)
		if _, refused := relay.Rejected(err); refused {
			reasons = append(reasons, err.Error())
		} else if err != nil {
			return nil, fmt.Errorf("join: %w", err)
		}
	}
	for _, t := range ours {
		if here[t.Name] && t.Problem == "" {
			reasons = append(reasons, "table "+t.Name+" is missing in region "+n.Donor.Name)
		}
	}
	return reasons, nil
}

// convertTable copies a table of another engine, row by row in the form of this one, chunk after chunk.
func (n *Newcomer) convertTable(ctx context.Context, t *tableNote, speed *pace) error {
	last := n.Clock.Now()
	for limit := firstRows; ; {
		if err := speed.lag.await(ctx); err != nil {
			return err
		}
		b, err := n.Donor.Side.Images(ctx, t.Name, t.After, limit)
		if err != nil {
			return err
		}
		rows := len(b.Images)
		if rows > 0 {
			if err := n.Redo.Put(ctx, b); err != nil {
				return err
			}
			if err := n.noteChunk(ctx, t, b.Last, rows, &last); err != nil {
				return err
			}
		}
		if rows < limit {
			return n.finish(ctx, t)
		}
		if err := speed.passed(ctx, rows); err != nil {
			return err
		}
		size := 0
		for _, img := range b.Images {
			size += len(img)
		}
		limit = nextRows(limit, rows, size)
	}
}

// errUnfit says that rows must be changed first.
var errUnfit = errors.New("join: rows have values that this database cannot hold: change them, or their columns here, and run octant join again: it goes on")

// refuseUnfit names the rows that cannot stand here, if there are any: the region would not be a copy.
func (n *Newcomer) refuseUnfit() error {
	list := n.Redo.Unfit()
	if len(list) == 0 {
		return nil
	}
	if n.Options.Unfit != nil {
		for _, u := range list {
			n.Options.Unfit(u)
		}
	}
	return fmt.Errorf("%w (%d rows, the first in table %s)", errUnfit, len(list), list[0].Table)
}
