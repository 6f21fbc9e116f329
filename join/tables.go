package join

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/octant-db/octant/relay"
)

// complete makes the donor's tables that are missing here, unless one that is here is another than there. It returns what there is then.
func (n *Newcomer) complete(ctx context.Context, theirs, ours []relay.TableDefinition) ([]relay.TableDefinition, error) {
	missing, shared := missingOf(theirs, ours)
	if len(missing) == 0 || len(differences(n.Donor.Name, shared, ours)) > 0 {
		return ours, nil
	}
	err := n.Copier.Create(ctx, missing)
	if err == nil {
		ours, err = n.Copier.Definitions(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("join: %w", err)
	}
	return ours, nil
}

// missingOf parts the donor's tables into those that are missing here and those that are not.
func missingOf(theirs, ours []relay.TableDefinition) (missing, shared []relay.TableDefinition) {
	here := make(map[string]bool)
	for _, t := range ours {
		here[t.Name] = true
	}
	for _, t := range theirs {
		if here[t.Name] {
			shared = append(shared, t)
		} else {
			missing = append(missing, t)
		}
	}
	return missing, shared
}

// remedy is what to do about tables that are not the same. It goes for those that rules hold as well, which have to be left out before a region of another engine joins.
const remedy = "Change them until they are, or leave them out of database.include, or name them in database.exclude, in both regions"

// same tells what is not the same in the donor's tables and the newcomer's.
func (n *Newcomer) same(ctx context.Context, theirs, ours []relay.TableDefinition) error {
	reasons := differences(n.Donor.Name, theirs, ours)
	if n.foreign {
		var err error
		if reasons, err = n.misfits(ctx, theirs, ours); err != nil {
			return err
		}
	}
	if len(reasons) > 0 {
		return fmt.Errorf("join: the tables are not the same as in region %s: %s. %s", n.Donor.Name, strings.Join(reasons, "; "), remedy)
	}
	return nil
}

// bothSides lists the tables of the donor that are replicated, and the newcomer's.
func (n *Newcomer) bothSides(ctx context.Context) (theirs, ours []relay.TableDefinition, err error) {
	theirs, err = n.Donor.Side.Definitions(ctx)
	if err == nil {
		theirs = slices.DeleteFunc(theirs, func(t relay.TableDefinition) bool { return t.Problem != "" })
		ours, err = n.Copier.Definitions(ctx)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("join: %w", err)
	}
	return theirs, ours, nil
}

// differences says what is not the same.
func differences(donor string, theirs, ours []relay.TableDefinition) (reasons []string) {
	known, unfit := make(map[string]string), make(map[string]string)
	for _, t := range ours {
		if t.Problem == "" {
			known[t.Name] = t.Definition
		} else {
			unfit[t.Name] = t.Problem
		}
	}
	for _, t := range theirs {
		definition, there := known[t.Name]
		switch {
		case unfit[t.Name] != "":
			reasons = append(reasons, "table "+t.Name+" cannot be copied into the one that is here: "+unfit[t.Name])
		case !there:
			reasons = append(reasons, "table "+t.Name+" is missing here")
		case definition != t.Definition:
			reasons = append(reasons, "table "+t.Name+" has other columns here: "+firstDifference(t.Definition, definition))
		}
		delete(known, t.Name)
	}
	for _, t := range ours {
		if _, left := known[t.Name]; left {
			reasons = append(reasons, "table "+t.Name+" is missing in region "+donor)
		}
	}
	return reasons
}

// firstDifference is the first line that two definitions do not share.
func firstDifference(theirs, ours string) string {
	a, b := strings.Split(theirs, "\n"), strings.Split(ours, "\n")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return fmt.Sprintf("%q there, %q here", a[i], b[i])
		}
	}
	return fmt.Sprintf("%d columns there, %d here", len(a)-1, len(b)-1)
}

// makeRoom sees to it that rows can be copied: the tables are empty and have no triggers. From then on nobody can tell what the database's log has of applications.
func (n *Newcomer) makeRoom(ctx context.Context, list []relay.TableDefinition) error {
	var full []string
	for _, t := range list {
		empty, err := n.Copier.Ready(ctx, t.Name)
		if err != nil {
			return fmt.Errorf("join: %w", err)
		}
		if !empty {
			full = append(full, t.Name)
		}
	}
	stay := n.Options.Loaded || n.Options.Keep
	if len(full) > 0 && !stay && !n.Options.Replace {
		return fmt.Errorf("join: tables have rows, which would be lost: %s: say --keep to keep those that are the other region's, or --replace", strings.Join(full, ", "))
	}
	if err := n.Redo.Begin(ctx); err != nil {
		return fmt.Errorf("join: %w", err)
	}
	if stay {
		return nil
	}
	for _, name := range full {
		if err := n.Copier.Clear(ctx, name); err != nil {
			return fmt.Errorf("join: %w", err)
		}
	}
	return nil
}

// requireLoaded tells why a region cannot go on from a copy that was to be loaded after Prepare. One that was forgotten would leave it with nothing but what was written since.
func (n *Newcomer) requireLoaded(ctx context.Context) error {
	if n.note.Redone > n.note.Begin {
		return nil // it has gone on
	}
	lacking := ""
	for _, t := range n.note.Tables {
		empty, err := n.Copier.Ready(ctx, t.Name)
		if err != nil {
			return fmt.Errorf("join: %w", err)
		}
		if !empty {
			return nil
		}
		there, err := n.donorHasRows(ctx, t.Name)
		if err != nil {
			return fmt.Errorf("join: %w", err)
		}
		if there && lacking == "" {
			lacking = t.Name
		}
	}
	if lacking != "" {
		return fmt.Errorf("join: no table has rows here, and %s has some in region %s: load a copy of its tables that was begun after octant join --prepare, or begin again with an empty data directory",
			lacking, n.Donor.Name)
	}
	return nil
}

func (n *Newcomer) donorHasRows(ctx context.Context, table string) (bool, error) {
	if n.foreign {
		b, err := n.Donor.Side.Images(ctx, table, "", 1)
		return len(b.Images) > 0, err
	}
	b, err := n.Donor.Side.Read(ctx, table, "", 1)
	return b.Rows > 0, err
}

// number sees to it that the newcomer's database gives no numbers to new rows that its rows have.
func (n *Newcomer) number(ctx context.Context) error {
	numbering, able := n.Copier.(relay.Numbering)
	if !able {
		return nil
	}
	for _, t := range n.note.Tables {
		if err := numbering.GoOnBehind(ctx, t.Name); err != nil {
			return fmt.Errorf("join: %w", err)
		}
	}
	return nil
}
