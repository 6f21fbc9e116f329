package apply

import (
	"context"
	"fmt"
	"slices"

	"github.com/octant-db/octant/relay"
)

// tie is what a foreign key with CASCADE or SET NULL does. InnoDB does it below the log, from MySQL 9.6 on the server does it and logs it.
type tie struct {
	relay.Tie
	key        string   // the foreign key's name
	referenced []string // columns of the parent, in the order of Columns
	logged     bool     // this server logs it
}

// tiesQuery lists the columns of all such foreign keys. It is asked once, not for each table: a server looks through all tables for it.
const tiesQuery = `SELECT k.table_schema, k.table_name, k.constraint_name, k.column_name,
 k.referenced_table_schema, k.referenced_table_name, k.referenced_column_name, r.delete_rule, r.update_rule
 FROM information_schema.referential_constraints r JOIN information_schema.key_column_usage k
 ON k.constraint_schema=r.constraint_schema AND k.constraint_name=r.constraint_name AND k.table_name=r.table_name
 WHERE (r.delete_rule IN ('CASCADE','SET NULL') OR r.update_rule IN ('CASCADE','SET NULL')) AND k.referenced_table_name IS NOT NULL
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
	logged, err := logsCascades(ctx, s)
	if err != nil {
		return nil, err
	}
	var list []tie
	alone := false
	for from := 0; from < len(rs[0].Values); {
		at := func(row, column int) string { return text(rs[0], row, column) }
		key := tie{key: at(from, 2), logged: logged, Tie: relay.Tie{
			Child: relay.TableName{Schema: at(from, 0), Table: at(from, 1)}, Parent: relay.TableName{Schema: at(from, 4), Table: at(from, 5)},
		}}
		onDelete, onUpdate := at(from, 7), at(from, 8)
		for ; from < len(rs[0].Values) && at(from, 0) == key.Child.Schema && at(from, 1) == key.Child.Table && at(from, 2) == key.key; from++ {
			key.Columns, key.referenced = append(key.Columns, at(from, 3)), append(key.referenced, at(from, 6))
		}
		list, alone = append(list, key.split(onDelete, onUpdate)...), alone || onUpdate == "CASCADE"
	}
	if !alone {
		return list, nil
	}
	return follow(ctx, s, list)
}

// keysQuery lists the columns of all primary and unique keys. It is asked once, too.
const keysQuery = `SELECT table_schema, table_name, column_name FROM information_schema.statistics WHERE non_unique=0 AND column_name IS NOT NULL`

// follow finds out which children follow their parents to other keys in all regions. What is left is of interest where no log tells of it.
func follow(ctx context.Context, s *session, list []tie) ([]tie, error) {
	rs, err := s.query(ctx, "read keys", keysQuery)
	if err != nil {
		return nil, err
	}
	keyed := make(map[[3]string]bool)
	for row := range rs[0].Values {
		keyed[[3]string{text(rs[0], row, 0), text(rs[0], row, 1), text(rs[0], row, 2)}] = true
	}
	ties, referenced := make([]relay.Tie, len(list)), make([][]string, len(list))
	for i := range list {
		ties[i], referenced[i] = list[i].Tie, list[i].referenced
	}
	follows := relay.Following(ties, referenced, func(t relay.TableName, column string) bool { return keyed[[3]string{t.Schema, t.Table, column}] })
	for i := range list {
		list[i].Follows = follows[i]
	}
	return slices.DeleteFunc(list, func(k tie) bool { return k.logged && k.Alone() }), nil
}

// split makes the ties of one foreign key.
func (k tie) split(onDelete, onUpdate string) (list []tie) {
	k.Divided = onDelete == "CASCADE" && onUpdate == "SET NULL"
	if onDelete == "CASCADE" || onDelete == "SET NULL" {
		k.Unset = onDelete == "SET NULL"
		list = append(list, k)
	}
	k.Rekeyed, k.Unset = true, onUpdate == "SET NULL"
	if k.Unset || onUpdate == "CASCADE" {
		list = append(list, k)
	}
	return list
}

// logsCascades tells whether the server does what foreign keys do, and logs it: MySQL from 9.6 on, unless the engine is told to.
func logsCascades(ctx context.Context, s *session) (bool, error) {
	rs, err := s.query(ctx, "read how foreign keys work", "SHOW VARIABLES LIKE 'innodb_native_foreign_keys'")
	if err != nil {
		return false, err
	}
	return len(rs[0].Values) == 1 && text(rs[0], 0, 1) == "OFF", nil
}

// planTie makes the keys by which rows of a table know their parents and their children by a tie: none, one or, of a table that refers to itself, two.
func planTie(d dialect, t *relay.Table, k *tie, place func(int) int) (keys []keyPlan) {
	name := relay.TableName{Schema: t.Schema, Table: t.Name}
	add := func(role keyRole, columns []string) {
		key := keyPlan{role: role, name: k.Name(), logged: k.logged}
		for _, c := range columns {
			i := columnOf(t, c, 0)
			if i < 0 {
				return
			}
			key.parts, key.columns = append(key.parts, newPart(d, t.Columns[i], place(i), 0)), append(key.columns, i)
		}
		keys = append(keys, key)
	}
	switch {
	case k.Child != name || k.Alone():
	case k.Follows:
		add(followKey, k.Columns)
	default:
		add(parentKey, k.Columns)
	}
	switch {
	case k.Parent != name:
	case k.Rekeyed:
		add(keyedKey, k.referenced)
	default:
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
		if ties[i].Alone() || ties[i].Parent != (relay.TableName{Schema: table.Schema, Table: table.Name}) {
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

// unlogged tells why a table cannot have a rule by which rows are judged by their writes: a foreign key changes them in no log.
func unlogged(t *relay.Table, ties []tie) error {
	for i := range ties {
		if k := &ties[i]; !k.logged && !k.Alone() && !k.Follows && k.Child == (relay.TableName{Schema: t.Schema, Table: t.Name}) {
			return &relay.TableError{Table: t.String(), Reason: "foreign key " + k.key + " deletes or changes its rows, which is not in this database's log, and it has a rule other than that the last " +
				"writer wins: make the foreign key ON DELETE RESTRICT and ON UPDATE RESTRICT, and have applications delete the children first, or leave the table to the last writer"}
		}
	}
	return nil
}

// Heads implements relay.Family.
func (t *Target) Heads(ctx context.Context, table relay.TableName) (bool, error) {
	ties, err := t.ties(ctx)
	return slices.ContainsFunc(ties, func(k tie) bool { return k.Parent == table }), err
}
