package apply

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/protocol/mysql/ddl"
	"github.com/octant-db/octant/relay"
)

var _ relay.Definer = (*Target)(nil)

// Define runs a definition of another region, on a connection of its own, unless the catalog shows its effects; see relay.Definer. It is signed,
// so that capture knows whose it is. What the server refuses is left to the operator.
func (t *Target) Define(ctx context.Context, from relay.Transaction, c relay.Change) (left string, err error) {
	s, err := t.open(ctx)
	if err != nil {
		return "", err
	}
	defer s.close()
	statement := ddl.Describe(c.Schema, []byte(c.SQL))
	if !statement.Carried() {
		return statement.Reason, nil
	}
	state, left, err := t.effects(ctx, s, statement.Effects)
	if err != nil || left != "" || state == there {
		return left, err
	}
	if err = t.run(ctx, s, from, &c); err == nil {
		return "", nil
	}
	if left, err = refusedBy(err); err != nil {
		return "", err
	}
	if state, _, err := t.effects(ctx, s, statement.Effects); err == nil && state == there {
		return "", nil // somebody else has just done the same
	}
	return left, nil
}

// Empty takes all rows away from tables that another engine's statement emptied, one after the other.
func (t *Target) Empty(ctx context.Context, from relay.Transaction, tables []relay.TableName) (left string, err error) {
	for _, n := range tables {
		c := relay.Change{
			Op: relay.Statement, Schema: n.Schema, SQL: "TRUNCATE TABLE " + quoteName(n.Schema) + "." + quoteName(n.Table),
			Definition: &relay.Definition{Verb: "TRUNCATE", Subject: n.Schema + "." + n.Table, Tables: []relay.TableName{n}, Empties: true},
		}
		if left, err = t.Define(ctx, from, c); err != nil || left != "" {
			return left, err
		}
	}
	return "", nil
}

// refusedBy tells what the server said against a definition. What can succeed later is an error.
func refusedBy(err error) (left string, _ error) {
	var e *Error
	if !errors.As(err, &e) || e.retryable || e.ended {
		return "", err
	}
	return e.Error(), nil
}

// run gives the session the settings that the statement had at its origin, and runs it.
func (t *Target) run(ctx context.Context, s *session, from relay.Transaction, c *relay.Change) error {
	settings, err := binlog.ParseSettings(c.Session)
	if err != nil {
		return err
	}
	mark := relay.Mark{Origin: from.Origin, Range: relay.Range{From: from.Seq, To: from.Seq}, HLC: from.HLC}
	set := []string{fmt.Sprintf("SET SESSION sql_mode=%d", settings.SQLMode)}
	if native := t.dialect.native(mark, 0); t.can.replay && native != "" {
		set = append(set, native)
	}
	if c.Schema != "" {
		set = append(set, "USE "+quoteName(c.Schema))
	}
	if settings.Client != 0 { // last: what comes after it is read in the statement's own character set
		set = append(set, fmt.Sprintf("SET SESSION character_set_client=%d, collation_connection=%d, collation_server=%d",
			settings.Client, settings.Connection, settings.Server))
	}
	for _, text := range set {
		if _, err := s.query(ctx, "set up session for a definition", text); err != nil && !unknownSchema(err) {
			return err
		}
	}
	signed := ddl.Sign(ddl.Runnable([]byte(c.SQL)), ddl.Signature{Origin: from.Origin, Seq: from.Seq, HLC: from.HLC})
	_, err = s.query(ctx, "run "+c.Definition.Verb, string(signed))
	return err
}

const codeUnknownSchema = 1049

// unknownSchema: a statement that names its schemas does not need the session's.
func unknownSchema(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Code == codeUnknownSchema
}

// quoteName makes an identifier.
func quoteName(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }

// presence of a definition's effects.
type presence uint8

const (
	missing presence = iota
	there
)

// effects looks in the catalog for what the definition makes so. Half of it is neither the one nor the other, and left to people.
func (t *Target) effects(ctx context.Context, s *session, list []ddl.Effect) (state presence, left string, err error) {
	found := 0
	for _, e := range list {
		stands, reason, err := t.effect(ctx, s, e)
		if err != nil || reason != "" {
			return missing, reason, err
		}
		if stands {
			found++
		}
	}
	switch found {
	case 0:
		return missing, "", nil
	case len(list):
		return there, "", nil
	}
	return missing, "a part of what it does is there already: do the rest by hand", nil
}

func (t *Target) effect(ctx context.Context, s *session, e ddl.Effect) (stands bool, left string, err error) {
	count := func(query string) (int, error) {
		rs, err := s.query(ctx, "look for what a definition does", query)
		if err != nil {
			return 0, err
		}
		return int(rs[0].Values[0][0].AsUint64()), nil
	}
	on := fmt.Sprintf("table_schema=%s AND table_name=%s", quote(e.On.Schema), quote(e.On.Table))
	n := 0
	switch e.Kind {
	case ddl.SchemaStands:
		n, err = count("SELECT COUNT(*) FROM information_schema.schemata WHERE schema_name=" + quote(e.On.Schema))
		return n > 0, "", err
	case ddl.TableStands:
		n, err = count("SELECT COUNT(*) FROM information_schema.tables WHERE " + on)
		return n > 0, "", err
	case ddl.TableGone:
		n, err = count("SELECT COUNT(*) FROM information_schema.tables WHERE " + on)
		return n == 0, "", err
	case ddl.ColumnStands:
		n, err = count("SELECT COUNT(*) FROM information_schema.columns WHERE " + on + " AND column_name=" + quote(e.Object))
		return n > 0, "", err
	case ddl.TableEmpty:
		n, err = count("SELECT COUNT(*) FROM information_schema.tables t JOIN information_schema.table_constraints c" +
			" USING (table_schema, table_name) WHERE " + on + " AND engine='InnoDB' AND constraint_type='PRIMARY KEY'")
		if err == nil && n == 0 {
			left = "the table is not here, or its rows are not carried: it has no primary key, or an engine without transactions"
		}
		return false, left, err
	case ddl.ColumnWide:
		return t.wideEffect(ctx, s, e)
	case ddl.IndexStands, ddl.IndexGone:
		return t.indexEffect(e, on, count)
	}
	return false, "", nil
}

// indexEffect does not let an index go that keeps rows apart.
func (t *Target) indexEffect(e ddl.Effect, on string, count func(string) (int, error)) (stands bool, left string, err error) {
	of := "SELECT COUNT(*) FROM information_schema.statistics WHERE " + on + " AND index_name=" + quote(e.Object)
	n, err := count(of)
	if err != nil || e.Kind == ddl.IndexStands {
		return n > 0, "", err
	}
	unique, err := count(of + " AND non_unique=0")
	if err == nil && unique > 0 {
		left = "the index is unique, and tells regions which rows cannot stand side by side: drop it everywhere while nobody writes to the table"
	}
	return n == 0, left, err
}
