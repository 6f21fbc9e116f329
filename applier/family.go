package applier

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/octant-db/octant/conflict"
	"github.com/octant-db/octant/relay"
)

// below looks up the rows that stand under some parents, and those under these, by parent. known tells what else is to be looked under, by the names of parents that have been
// looked under; it may be nil.
func (r *reader) below(ctx context.Context, family relay.Family, parents []conflict.Row, known func([]string) ([]conflict.Row, error)) (map[string][]conflict.Found, error) {
	looked := make(map[string]bool)
	found, met := make(map[string][]conflict.Found), make(map[conflict.Key]bool)
	for len(parents) > 0 {
		children, err := r.children(ctx, family, parents)
		if err != nil {
			return nil, err
		}
		var names []string
		for _, p := range parents {
			for _, name := range p.Children {
				if !looked[name] {
					looked[name] = true
					names = append(names, name)
				}
			}
		}
		parents = nil
		if known == nil {
			names = nil
		} else if parents, err = known(names); err != nil {
			return nil, err
		}
		parents = slices.DeleteFunc(parents, func(p conflict.Row) bool {
			return !slices.ContainsFunc(p.Children, func(name string) bool { return !looked[name] })
		})
		for _, c := range children {
			if met[c.Key] {
				continue
			}
			met[c.Key] = true
			for _, parent := range c.Before.Parents {
				found[parent] = append(found[parent], conflict.Found{Key: c.Key, Row: c.Before})
			}
			if len(c.Before.Children) > 0 {
				parents = append(parents, c.Before)
			}
		}
	}
	return found, nil
}

// children are the rows right below some others. Rows of one table are asked for together.
func (r *reader) children(ctx context.Context, family relay.Family, parents []conflict.Row) ([]conflict.Change, error) {
	var found []conflict.Change
	for from := 0; from < len(parents); {
		t, images := parents[from].Table, []relay.Image(nil)
		for ; from < len(parents) && parents[from].Table == t; from++ {
			images = append(images, parents[from].Image)
		}
		rows, err := family.Below(ctx, t, images)
		if err != nil {
			return nil, fmt.Errorf("look up what refers to rows of %s: %w", t, err)
		}
		rows = slices.DeleteFunc(rows, func(c relay.Change) bool { return !r.replicated(&c) })
		p, err := r.identify(ctx, rows)
		if err != nil {
			return nil, err
		}
		found = append(found, p.changes...)
	}
	return found, nil
}

// bereft is what a row becomes when a parent is deleted that it names; see conflict.Engine.Bereave.
func bereft(ctx context.Context, target relay.Target, k conflict.Key, row conflict.Row, parent string) (conflict.Row, error) {
	tie, ok := relay.ParseTie(parent)
	if !ok || tie.Child.Schema+"."+tie.Child.Table != tableOf(k) {
		return row, nil
	}
	if !tie.Unset {
		return row.Deleted(), nil
	}
	if row.Table == nil || row.Table.Unset == nil {
		return row, nil
	}
	var columns []int
	for i := range row.Table.Columns {
		if slices.Contains(tie.Columns, row.Table.Columns[i].Name) {
			columns = append(columns, i)
		}
	}
	image, err := row.Table.Unset(row.Image, columns)
	if err != nil {
		return row, fmt.Errorf("unset columns of a row of %s: %w", row.Table, err)
	}
	return composer{table: row.Table.String(), target: target}.identified(ctx, conflict.Row{Table: row.Table, Image: image})
}

// bereave implements what conflict.Engine.Bereave takes.
func (a *Applier) bereave(k conflict.Key, row conflict.Row, parent string) (conflict.Row, error) {
	return bereft(context.Background(), a.cfg.Target, k, row, parent)
}

// withBelow runs what plans transactions with the rows that stand below the parents that they delete. From the look into the table to the plan nothing is
// forgotten: a row that is neither found nor known is not there.
func (a *Applier) withBelow(ctx context.Context, list []*conflict.Transaction, plan func() error) error {
	family, ok := a.reader.target.(relay.Family)
	if !ok || !slices.ContainsFunc(list, concernsChildren) {
		return plan()
	}
	a.lookups.RLock()
	defer a.lookups.RUnlock()
	parents := a.bereaving(list)
	if len(parents) == 0 {
		return plan()
	}
	found, err := a.reader.below(ctx, family, parents, func(names []string) ([]conflict.Row, error) {
		a.mu.Lock()
		defer a.mu.Unlock()
		return a.engine.Below(names)
	})
	if err != nil {
		return err
	}
	for _, t := range list {
		t.Found = found
	}
	return plan()
}

// bereaving are the rows whose children transactions may take: those that they delete, and those in the middle of chains that they put below a row that is deleted.
func (a *Applier) bereaving(list []*conflict.Transaction) (parents []conflict.Row) {
	var ending []string
	for _, t := range list {
		for i := range t.Changes {
			if ends := t.Changes[i].Ends(); len(ends) > 0 {
				ending, parents = append(ending, ends...), append(parents, t.Changes[i].Before)
			}
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, t := range list {
		for i := range t.Changes {
			if c := &t.Changes[i]; a.engine.Bereft(c, ending) {
				parents = append(parents, c.After)
			}
		}
	}
	return parents
}

// concernsChildren tells whether a transaction deletes rows that others refer to, or puts such rows below other ones.
func concernsChildren(t *conflict.Transaction) bool {
	return slices.ContainsFunc(t.Changes, func(c conflict.Change) bool { return len(c.Ends()) > 0 || c.After.Middle && len(c.After.Parents) > 0 })
}

// leave compares what ties about another key refer to in a row before and after the change that was taken last. The names by which rows lose it, or follow it, go with
// the change; the ties whose rows change in this region alone are kept.
func (p *part) leave(before, after []relay.Keyed, is conflict.Row) {
	c := &p.changes[len(p.changes)-1]
	if len(p.changes) > 1 && p.changes[len(p.changes)-2].Moved && !c.Before.Exists() {
		c = &p.changes[len(p.changes)-2]
	}
	for _, was := range before {
		if slices.ContainsFunc(after, func(now relay.Keyed) bool { return now.Name == was.Name && now.Exact == was.Exact }) {
			continue
		}
		switch tie, ok := relay.ParseTie(was.Name); {
		case ok && tie.Alone():
			p.alone = append(p.alone, tie.Name())
		case ok && tie.Follows:
			c.Rekeyed = append(c.Rekeyed, rekey(&was, tie.Name(), after, is))
			if !was.Logged {
				p.followed = append(p.followed, tie.Name())
			}
		default:
			c.Left = append(c.Left, was.Name)
		}
	}
}

// reportAlone says that rows of this region have changed in no log: other regions cannot do the same to theirs, since they do not know to which.
func (a *Applier) reportAlone(names []string) {
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		tie, ok := relay.ParseTie(name)
		if !ok {
			continue
		}
		a.remind(relay.Problem{
			Kind: "foreign_keys", Subject: tie.Child.Schema + "." + tie.Child.Table,
			Detail: fmt.Sprintf("a row of %s.%s was given another key, and the rows that refer to it by (%s) have changed in this region alone: what ON UPDATE CASCADE does is in no log",
				tie.Parent.Schema, tie.Parent.Table, strings.Join(tie.Columns, ", ")),
			Remedy: "octant verify finds the rows, and octant repair --from " + a.cfg.Name + " mends them; ON UPDATE RESTRICT keeps it from happening again",
		})
	}
}

// rival implements what conflict.Engine.Torn takes.
func rival(parent string) string {
	tie, ok := relay.ParseTie(parent)
	if !ok || !tie.Divided {
		return ""
	}
	return tie.Rival().Name() + strings.TrimPrefix(parent, tie.Name())
}

// noteTorn keeps that another region has ended a parent in one way, and this one in another, until it is reported. The applier's lock is held.
func (a *Applier) noteTorn(parent string) {
	if tie, ok := relay.ParseTie(parent); ok && (!tie.Divided || !tie.Rekeyed) {
		a.torn = append(a.torn, tie)
	}
}

// reportTorn says that children may be left in this region alone: they were parted here, in no log, from a parent with which they went elsewhere.
func (a *Applier) reportTorn(torn []relay.Tie) {
	for _, tie := range torn {
		if !tie.Divided {
			a.reportStrayed(tie)
			continue
		}
		a.remind(relay.Problem{
			Kind: "foreign_keys", Subject: tie.Child.Schema + "." + tie.Child.Table,
			Detail: fmt.Sprintf("another region deleted a row of %s.%s while this one gave it another key: rows that referred to it by (%s) may be left here alone (ON UPDATE SET NULL beside ON DELETE CASCADE)",
				tie.Parent.Schema, tie.Parent.Table, strings.Join(tie.Columns, ", ")),
			Remedy: "octant verify finds the rows, and octant repair --from another region takes them away; ON UPDATE RESTRICT keeps it from happening again",
		})
	}
}

// noteBroken keeps that rows two generations below a parent may differ here, until it is reported. The applier's lock is held.
func (a *Applier) noteBroken(parent string) {
	tie, ok := relay.ParseTie(parent)
	if !ok || tie.Unset {
		return
	}
	if a.broken == nil {
		a.broken = make(map[string]relay.Tie)
	}
	a.broken[tie.Name()] = tie
}

// reportBroken says that rows may be left in this region alone, or be gone in it alone: they are below rows that this database took in silence, and that nobody remembers.
func (a *Applier) reportBroken(ctx context.Context, broken map[string]relay.Tie) error {
	family, ok := a.cfg.Target.(relay.Family)
	if !ok {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(broken)) {
		tie := broken[name]
		heads, err := family.Heads(ctx, tie.Child)
		if err != nil {
			return err
		}
		if heads {
			a.reportChain(tie)
		}
	}
	return nil
}

func (a *Applier) reportChain(tie relay.Tie) {
	a.remind(relay.Problem{
		Kind: "foreign_keys", Subject: tie.Child.Schema + "." + tie.Child.Table,
		Detail: fmt.Sprintf("a row of %s.%s was deleted here while others wrote below it: rows that refer to those of %s.%s may be left here alone, or be missing here alone (ON DELETE CASCADE in a chain)",
			tie.Parent.Schema, tie.Parent.Table, tie.Child.Schema, tie.Child.Table),
		Remedy: "octant verify finds the rows, and octant repair --from another region mends them",
	})
}
