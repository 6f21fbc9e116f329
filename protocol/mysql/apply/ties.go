package apply

import (
	"context"
	"fmt"
	"slices"

	"github.com/octant-db/octant/relay"
)

// tie is a foreign key with ON DELETE CASCADE or SET NULL. InnoDB does what it says below the log, from MySQL 9.6 on the server does it and logs it.
type tie struct {
	relay.Tie
	key        string   // the foreign key's name
	referenced []string // columns of the parent, in the order of Columns
}

// tiesQuery lists the columns of all such foreign keys. It is asked once, not for each table: a server looks through all tables for it.
const tiesQuery = `SELECT k.table_schema, k.table_name, k.constraint_name, k.column_name,
 k.referenced_table_schema, k.referenced_table_name, k.referenced_column_name, r.delete_rule
 FROM information_schema.referential_constraints r JOIN information_schema.key_column_usage k
 ON k.constraint_schema=r.constraint_schema AND k.constraint_name=r.constraint_name AND k.table_name=r.table_name
 WHERE r.delete_rule IN ('CASCADE','SET NULL') AND k.referenced_table_name IS NOT NULL
 ORDER BY k.table_schema, k.table_name, k.constraint_name, k.ordinal_position`

// ties returns the ties of the database, as they were when they were first asked for, until Refresh.
func (t *Target) ties(ctx context.Context) ([]tie, error) {
	t.tables.mu.Lock()
	ties, known := t.tables.ties, t.tables.tied
	t.tables.mu.Unlock()
	if known {
		return ties, nil
	}
	err := t.withControl(ctx, func(s *session) (err error) {
		ties, err = readTies(ctx, s)
		return err
	})
	if err != nil {
		return nil, err
	}
	t.tables.mu.Lock()
	defer t.tables.mu.Unlock()
	t.tables.ties, t.tables.tied = ties, true
	return ties, nil
}

func readTies(ctx context.Context, s *session) ([]tie, error) {
	rs, err := s.query(ctx, "read foreign keys", tiesQuery)
	if err != nil {
		return nil, err
	}
	var list []tie
	for i := range rs[0].Values {
		at := func(column int) string { return text(rs[0], i, column) }
		next := tie{key: at(2), Tie: relay.Tie{
			Child: relay.TableName{Schema: at(0), Table: at(1)}, Parent: relay.TableName{Schema: at(4), Table: at(5)}, Unset: at(7) == "SET NULL",
		}}
		if n := len(list); n == 0 || list[n-1].Child != next.Child || list[n-1].key != next.key {
			list = append(list, next)
		}
		last := &list[len(list)-1]
		last.Columns, last.referenced = append(last.Columns, at(3)), append(last.referenced, at(6))
	}
	return list, nil
}

// planTie makes the keys by which rows of a table know their parents and their children by a tie: none, one or, of a table that refers to itself, two.
func planTie(d dialect, t *relay.Table, k *tie, place func(int) int) (keys []keyPlan) {
	name := relay.TableName{Schema: t.Schema, Table: t.Name}
	add := func(role keyRole, columns []string) {
		key := keyPlan{role: role, name: k.Name()}
		for _, c := range columns {
			i := columnOf(t, c, 0)
			if i < 0 {
				return
			}
			key.parts = append(key.parts, newPart(d, t.Columns[i], place(i), 0))
		}
		keys = append(keys, key)
	}
	if k.Child == name {
		add(parentKey, k.Columns)
	}
	if k.Parent == name {
		add(childKey, k.referenced)
	}
	return keys
}

// belowAtOnce bounds the parents that are asked for in one statement.
const belowAtOnce = 128

// Below implements relay.Family.
func (t *Target) Below(ctx context.Context, table *relay.Table, images []relay.Image) ([]relay.Change, error) {
	ties, err := t.ties(ctx)
	if err != nil {
		return nil, err
	}
	var found []relay.Change
	for i := range ties {
		if ties[i].Parent != (relay.TableName{Schema: table.Schema, Table: table.Name}) {
			continue
		}
		for part := range slices.Chunk(images, belowAtOnce) {
			rows, err := t.tiedTo(ctx, &ties[i], table, part)
			if err != nil {
				return nil, fmt.Errorf("look up rows of %s.%s: %w", ties[i].Child.Schema, ties[i].Child.Table, err)
			}
			found = append(found, rows...)
		}
	}
	return found, nil
}

// tiedTo reads the rows that are tied to some parents.
func (t *Target) tiedTo(ctx context.Context, k *tie, parents *relay.Table, images []relay.Image) (found []relay.Change, err error) {
	err = t.withControl(ctx, func(s *session) error {
		children, err := t.childTable(ctx, s, k.Child)
		if err != nil || children == nil {
			return err
		}
		where, err := k.where(parents, children, images)
		if err != nil || where == nil {
			return err
		}
		found, err = readRows(ctx, s, children, where)
		return err
	})
	return found, err
}

// childTable describes a table as the log would, as it was when it was first asked for, until Refresh; nil: there is none.
func (t *Target) childTable(ctx context.Context, s *session, name relay.TableName) (*relay.Table, error) {
	key := tableName{name.Schema, name.Table}
	t.tables.mu.Lock()
	known := t.tables.children[key]
	t.tables.mu.Unlock()
	if known != nil {
		return known, nil
	}
	local, err := readTable(ctx, s, name.Schema, name.Table)
	if err != nil || local.kind == "" {
		return nil, err
	}
	described, err := t.describe(name.Schema, name.Table, local)
	if err != nil {
		return nil, err
	}
	t.tables.mu.Lock()
	defer t.tables.mu.Unlock()
	if t.tables.children == nil {
		t.tables.children = make(map[tableName]*relay.Table)
	}
	t.tables.children[key] = described
	return described, nil
}

// where is the condition for the children of some parents, nil if these can have none.
func (k *tie) where(parents, children *relay.Table, images []relay.Image) ([]byte, error) {
	var b []byte
	for _, image := range images {
		values, err := parents.Decode(image)
		if err != nil {
			return nil, err
		}
		one, ok := k.whereOne(parents, children, values)
		if !ok {
			continue
		}
		if b != nil {
			b = append(b, " OR "...)
		}
		b = append(append(append(b, '('), one...), ')')
	}
	return b, nil
}

func (k *tie) whereOne(parents, children *relay.Table, values []relay.Value) (b []byte, ok bool) {
	for i, name := range k.Columns {
		column, referenced := columnOf(children, name, 0), columnOf(parents, k.referenced[i], 0)
		if column < 0 || referenced < 0 || values[referenced].IsNull() {
			return nil, false
		}
		if i > 0 {
			b = append(b, " AND "...)
		}
		b = appendEqual(b, children.Columns[column], 0, values[referenced])
	}
	return b, len(b) > 0
}
