package applier

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/octant-db/octant/conflict"
	"github.com/octant-db/octant/relay"
)

// rekey says where rows follow that refer to what a row had.
func rekey(was *relay.Keyed, tie string, after []relay.Keyed, is conflict.Row) conflict.Rekey {
	k := conflict.Rekey{From: was.Name, Row: conflict.Row{Table: is.Table, Image: slices.Clone(is.Image)}, Columns: was.Columns}
	for _, now := range after {
		if strings.HasPrefix(now.Name, tie) {
			k.To = now.Name
		}
	}
	return k
}

// heir implements what conflict.Engine.Follow takes.
func heir(parent string) string {
	tie, ok := relay.ParseTie(parent)
	if !ok {
		return ""
	}
	return tie.Heir().Name() + strings.TrimPrefix(parent, tie.Name())
}

// follow implements what conflict.Engine.Follow takes. A row that cannot follow, since what the parent's columns hold does not fit into its own, stays; that is told. The applier's lock is held.
func (a *Applier) follow(k conflict.Key, row conflict.Row, now *conflict.Rekey) (conflict.Row, error) {
	next, err := followed(context.Background(), a.cfg.Target, k, row, now)
	if errors.Is(err, errUnfit) {
		a.noteTorn(now.From)
		return row, nil
	}
	return next, err
}

// errUnfit says that a row cannot follow its parent.
var errUnfit = errors.New("it cannot take over the key")

// followed is what a row becomes that follows a parent to another key; see conflict.Engine.Follow.
func followed(ctx context.Context, target relay.Target, k conflict.Key, row conflict.Row, now *conflict.Rekey) (conflict.Row, error) {
	tie, ok := relay.ParseTie(now.From)
	if !ok || tie.Child.Schema+"."+tie.Child.Table != tableOf(k) || !row.Exists() {
		return row, nil
	}
	image, err := handedDown(row, &tie, now)
	if err != nil {
		return row, fmt.Errorf("have a row of %s follow one of %s: %w: %w", row.Table, now.Row.Table, errUnfit, err)
	}
	return composer{table: row.Table.String(), target: target}.identified(ctx, conflict.Row{Table: row.Table, Image: image})
}

// handedDown is a row's image with its parent's values in the columns of its foreign key. All others keep their bytes.
func handedDown(row conflict.Row, tie *relay.Tie, now *conflict.Rekey) (relay.Image, error) {
	child, parent := row.Table, now.Row.Table
	if child.Plain == nil || child.Composer == nil || parent.Plain == nil || len(now.Columns) != len(tie.Columns) {
		return nil, fmt.Errorf("its columns cannot be set")
	}
	theirs, err := parent.Plain.Values(now.Row.Image)
	if err != nil {
		return nil, err
	}
	values, at := make([]relay.Value, len(child.Columns)), make([]int, len(tie.Columns))
	for n, name := range tie.Columns {
		at[n] = slices.IndexFunc(child.Columns, func(c relay.Column) bool { return c.Name == name })
		if at[n] < 0 || now.Columns[n] >= len(theirs) {
			return nil, fmt.Errorf("column %s is missing", name)
		}
		values[at[n]] = theirs[now.Columns[n]]
	}
	bare, err := child.Plain.Image(values)
	if err != nil {
		return nil, err
	}
	cells, err := child.Composer.Cells(bare)
	if err != nil {
		return nil, err
	}
	all, err := child.Composer.Cells(row.Image)
	if err != nil {
		return nil, err
	}
	all = slices.Clone(all)
	for _, i := range at {
		all[i] = cells[i]
	}
	return child.Composer.Join(row.Image, all)
}

// ruled tells whether a table's rows are judged by their writes.
func (a *Applier) ruled(t relay.TableName) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	r := a.rule(keyOf(t.Schema+"."+t.Table, ""))
	return r != nil && r.Policy != conflict.LWW
}

// reportFollowed says that rows of this region have followed their parent in no log where nobody else has theirs do so: their table has a rule of its own.
func (a *Applier) reportFollowed(names []string) {
	names = slices.DeleteFunc(names, func(name string) bool {
		tie, ok := relay.ParseTie(name)
		return !ok || !a.ruled(tie.Child)
	})
	a.reportAlone(names)
}

// reportStrayed says that children may stand elsewhere here than in other regions: they followed their parent here, in no log, while another region gave it another key as well, or deleted it.
func (a *Applier) reportStrayed(tie relay.Tie) {
	a.remind(relay.Problem{
		Kind: "foreign_keys", Subject: tie.Child.Schema + "." + tie.Child.Table,
		Detail: fmt.Sprintf("a row of %s.%s was given another key here while another region gave it another one or deleted it: rows that refer to it by (%s) may differ here (ON UPDATE CASCADE)",
			tie.Parent.Schema, tie.Parent.Table, strings.Join(tie.Columns, ", ")),
		Remedy: "octant verify finds the rows, and octant repair --from a region where they refer to what is there mends them; ON UPDATE RESTRICT keeps it from happening again",
	})
}
