package capture

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/octant-db/octant/protocol/postgres/catalog"
	"github.com/octant-db/octant/protocol/postgres/connect"
	"github.com/octant-db/octant/protocol/postgres/ledger"
	"github.com/octant-db/octant/protocol/postgres/logical"
	"github.com/octant-db/octant/relay"
)

// relation is a table as the plugin has announced it.
type relation struct {
	logical.Relation
	schema   *logical.Schema
	describe []byte // the message that goes into the log
	own      bool   // one of the relay's books
	problem  *relay.Problem
}

func (r *relation) name() string { return r.schema.Table.String() }

// relation takes a Relation message: names and types as they were when the rows after it were logged. What the message lacks, the
// primary key's order and what types are, comes from the catalog as it is now.
func (s *stream) relation(ctx context.Context, m []byte) error {
	rel, err := logical.ParseRelation(m)
	if err != nil {
		return err
	}
	r := &relation{Relation: rel, own: rel.Schema == ledger.Schema}
	d, err := s.description(ctx, r)
	if err != nil {
		return fmt.Errorf("describe %s.%s: %w", rel.Schema, rel.Name, err)
	}
	native := d.Append(nil)
	if r.schema, err = s.tables.Get(native); err != nil {
		return err
	}
	r.describe = logical.Describe{OID: rel.OID, Identity: rel.Identity, Native: native}.Append(nil)
	s.relations[rel.OID] = r
	delete(s.group.described, rel.OID)
	return nil
}

func (s *stream) description(ctx context.Context, r *relation) (*logical.Description, error) {
	oids, modifiers := make([]uint32, len(r.Columns)), make([]int32, len(r.Columns))
	for i, c := range r.Columns {
		oids[i], modifiers[i] = c.Type, c.Modifier
	}
	columns, err := catalog.Types(ctx, s.control, oids, modifiers)
	if err != nil {
		return nil, err
	}
	now, err := catalog.Read(ctx, s.control, r.Schema, r.Name)
	if err != nil && !errors.Is(err, catalog.ErrMissing) {
		return nil, err
	}
	d := &logical.Description{Schema: r.Schema, Name: r.Name, Columns: columns}
	for i := range columns {
		columns[i].Name = r.Columns[i].Name
		if now != nil {
			columns[i].Collation = now.Collation[columns[i].Name]
		}
	}
	d.Key = r.key(now)
	return d, nil
}

// key returns the primary key's columns. With the default replica identity the message marks them, as they were; their order comes
// from the catalog, if that still has the same ones.
func (r *relation) key(now *catalog.Table) []int {
	var marked []int
	for i, c := range r.Columns {
		if c.Key {
			marked = append(marked, i)
		}
	}
	var ordered []int
	if now != nil {
		for _, k := range now.Key {
			if at := r.column(now.Columns[k].Name); at >= 0 {
				ordered = append(ordered, at)
			}
		}
		if len(ordered) != len(now.Key) {
			ordered = nil
		}
	}
	switch {
	case r.Identity == 'f':
		return ordered
	case r.Identity == 'd' && !sameSet(ordered, marked):
		return marked
	case r.Identity == 'i' && !within(ordered, marked):
		r.problem = &relay.Problem{Kind: replicaIdentity, Subject: r.Schema + "." + r.Name,
			Detail: "its replica identity is an index that lacks columns of the primary key, and it is not replicated",
			Remedy: "ALTER TABLE " + connect.Table(r.Schema, r.Name) + " REPLICA IDENTITY DEFAULT"}
		return nil
	}
	return ordered
}

func (r *relation) column(name string) int {
	for i, c := range r.Columns {
		if c.Name == name {
			return i
		}
	}
	return -1
}

// within tells whether every element of a is in b.
func within(a, b []int) bool {
	in := make(map[int]bool, len(b))
	for _, i := range b {
		in[i] = true
	}
	for _, i := range a {
		if !in[i] {
			return false
		}
	}
	return true
}

func sameSet(a, b []int) bool { return len(a) == len(b) && within(a, b) }

// describe returns the relation of a row, and puts its description into the log if this transaction has none yet.
func (s *stream) describe(oid uint32) (*relation, error) {
	r := s.relations[oid]
	if r == nil {
		return nil, fmt.Errorf("rows of a relation that was not announced: %w", logical.ErrMalformed)
	}
	if s.group.described[oid] {
		return r, nil
	}
	s.group.described[oid] = true
	switch {
	case r.problem != nil:
		s.group.problem(*r.problem)
	case len(r.schema.Table.Key) == 0:
		s.group.problem(relay.Problem{Kind: noPrimaryKey, Subject: r.name(),
			Detail: "the table has no primary key, so its rows cannot be told apart",
			Remedy: "add a primary key in every region, or exclude the table"})
	}
	return r, s.rec.Append(r.describe)
}

// whole sees to it that an update's new row can be read whole.
func (s *stream) whole(ctx context.Context, r *relation, row *logical.Row) error {
	if row.Op != relay.Update || len(r.schema.Table.Key) == 0 {
		return nil
	}
	cells, err := logical.Cells(s.cells[:0], row.New, len(r.schema.Table.Columns))
	s.cells = cells
	if err != nil || !logical.HasAbsent(cells) {
		return err
	}
	if row.OldKind == 'K' { // the server logs a key that is itself a large value
		if err := fillKey(r.schema.Table, cells, row.Old); err != nil {
			return err
		}
	}
	if row.OldKind == 'O' {
		if _, whole, err := logical.Complete(cells, row.Old); whole || err != nil {
			return err
		}
	}
	found, err := s.fetch(ctx, r, cells)
	if err != nil {
		return err
	}
	if !found {
		s.group.problem(relay.Problem{Kind: largeValue, Subject: r.name(),
			Detail: "a row was updated and then deleted or moved before the relay could read a large value that the update had not changed;" +
				" if it was a change of another region that removed it, the update is lost",
			Remedy: "ALTER TABLE " + connect.Table(r.Schema, r.Name) + " REPLICA IDENTITY FULL, which logs such values"})
		return s.append([]byte{logical.KindGone})
	}
	s.buf = logical.AppendMessage(s.buf[:0], []byte{logical.KindFill}, logical.AppendImage(nil, cells))
	return s.rec.Append(s.buf)
}

// fetch reads the absent cells of a row from the database. False: the row is not there.
func (s *stream) fetch(ctx context.Context, r *relation, cells []logical.Cell) (bool, error) {
	var names, conditions []string
	var absent []int
	for i := range cells {
		if cells[i].Kind == logical.IsAbsent {
			names, absent = append(names, connect.Identifier(r.Columns[i].Name)), append(absent, i)
		}
	}
	var key []any
	for _, part := range r.schema.Table.Key {
		key = append(key, cells[part.Column].Text)
		conditions = append(conditions, fmt.Sprintf("%s = $%d", connect.Identifier(r.Columns[part.Column].Name), len(key)))
	}
	rows, err := s.control.Query(ctx, "read large values of "+r.name(), "SELECT "+strings.Join(names, ", ")+" FROM "+
		connect.Table(r.Schema, r.Name)+" WHERE "+strings.Join(conditions, " AND "), key...)
	if connect.Is(err, connect.CodeUndefinedTable) {
		return false, nil
	}
	if err != nil || len(rows) == 0 {
		return false, err
	}
	for n, i := range absent {
		cells[i] = logical.Cell{Kind: logical.IsNull}
		if text := rows[0][n]; text != nil {
			cells[i] = logical.Cell{Kind: logical.IsText, Text: text}
		}
	}
	return true, nil
}

// fillKey takes absent cells of the key from the key that was logged.
func fillKey(t *relay.Table, cells []logical.Cell, key relay.Image) error {
	was, err := logical.Cells(nil, key, len(cells))
	if err != nil {
		return err
	}
	for _, part := range t.Key {
		if cells[part.Column].Kind == logical.IsAbsent {
			cells[part.Column] = was[part.Column]
		}
	}
	return nil
}
