package capture

import (
	"errors"
	"fmt"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/relay"
)

// Where the relay keeps its own books.
const (
	octantSchema = "octant"
	appliedTable = "applied"
)

// table is what a group needs to know of a table that it maps.
type table struct {
	schema, name string
	included     bool
	description  *binlog.Schema // nil if it cannot be read
	err          error          // why not
}

func (t *table) String() string { return t.schema + "." + t.name }

// applied tells whether the table is the one of the marks.
func (t *table) applied() bool { return t.schema == octantSchema && t.name == appliedTable }

func (g *group) mapTable(event []byte) error {
	id, native, err := binlog.SplitTableMap(event)
	if err != nil {
		return err
	}
	t, err := g.stream.source.table(native)
	if err != nil {
		return err
	}
	if g.tables == nil {
		g.tables = map[uint64]*table{}
	}
	g.tables[id] = t
	g.touch(t.schema)
	if !g.tableMap && t.applied() {
		g.marked, g.awaited = true, id
	}
	g.tableMap = true
	if t.included {
		g.checkTable(t)
	}
	return nil
}

// touch notes whether the group is about the relay's own books.
func (g *group) touch(schema string) {
	if schema == octantSchema {
		g.octant = true
	} else {
		g.other = true
	}
}

// table reads a table's description, from the cache if it was there before.
func (s *Source) table(native []byte) (*table, error) {
	if t, ok := s.known[string(native)]; ok {
		return t, nil
	}
	schema, name, err := tableName(native)
	if err != nil {
		return nil, err
	}
	t := &table{schema: schema, name: name}
	t.included = schema != octantSchema && s.config.Include(schema, name)
	t.description, t.err = s.tables.Get(native)
	if len(s.known) >= knownTables {
		clear(s.known)
	}
	s.known[string(native)] = t
	return t, nil
}

// knownTables bounds the cache of tables by their number.
const knownTables = 4096

// tableName reads what a description begins with: two names, each with its length before and a zero byte after it.
func tableName(native []byte) (schema, name string, err error) {
	var names [2]string
	for i := range names {
		if len(native) == 0 || len(native) < int(native[0])+2 {
			return "", "", fmt.Errorf("read a table's name: %w", binlog.ErrMalformed)
		}
		end := 1 + int(native[0])
		names[i], native = string(native[1:end]), native[end+1:]
	}
	return names[0], names[1], nil
}

// rows looks at whether images are whole, and at the mark. Values are not read.
func (g *group) rows(event []byte) error {
	rows, err := binlog.ParseRows(event)
	if err != nil {
		return err
	}
	t, ok := g.tables[rows.Table]
	if !ok {
		return dangling(rows)
	}
	if g.marked && rows.Table == g.awaited {
		g.marked = false
		return g.readMark(t, rows)
	}
	if !t.included || t.description == nil {
		return nil
	}
	return g.checkImages(t, rows)
}

// checkImages looks for rows that were not logged whole.
func (g *group) checkImages(t *table, rows binlog.Rows) error {
	images, err := rows.Images(t.description)
	for err == nil && rows.Partial() && images.Next() {
	}
	if err == nil {
		err = images.Err()
	}
	switch {
	case errors.Is(err, binlog.ErrRowImage):
		g.unreadable = true
		g.problem(partialImage(t))
	case errors.Is(err, binlog.ErrPartialJSON):
		g.unreadable = true
		g.problem(partialDocument(t))
	default:
		return err
	}
	return nil
}

// dummyTable is the number in rows events that only end a statement: they have no rows. See Rows_log_event in sql/log_event.h.
const dummyTable = 0x00FFFFFF

func dangling(rows binlog.Rows) error {
	if rows.Table == dummyTable {
		return nil
	}
	return fmt.Errorf("rows of table number %d, which nothing described: %w", rows.Table, binlog.ErrMalformed)
}

// readMark reads the row that the applier writes first. A deletion is no mark: somebody tidied up.
func (g *group) readMark(t *table, rows binlog.Rows) error {
	if rows.Op == relay.Delete {
		return nil
	}
	if t.err != nil {
		return fmt.Errorf("read the mark of group %s: %w", g.head.name, t.err)
	}
	images, err := rows.Images(t.description)
	if err != nil {
		return fmt.Errorf("read the mark of group %s: %w", g.head.name, err)
	}
	if !images.Next() {
		return fmt.Errorf("read the mark of group %s: no row: %w", g.head.name, errors.Join(images.Err(), binlog.ErrMalformed))
	}
	values, err := t.description.Table.Decode(images.After)
	if err != nil {
		return fmt.Errorf("read the mark of group %s: %w", g.head.name, err)
	}
	if g.mark, err = newMark(values); err != nil {
		return fmt.Errorf("read the mark of group %s: %w", g.head.name, err)
	}
	return nil
}

// markKinds are the columns of octant.applied: origin, lane, from_seq, to_seq, hlc, nonce.
var markKinds = [...]relay.Kind{relay.Uint, relay.Uint, relay.Uint, relay.Uint, relay.Int, relay.Uint}

func newMark(v []relay.Value) (*relay.Mark, error) {
	if len(v) != len(markKinds) {
		return nil, fmt.Errorf("octant.applied has %d columns, not %d: drop it, and the relay makes it again", len(v), len(markKinds))
	}
	for i, kind := range markKinds {
		if v[i].Kind != kind {
			return nil, fmt.Errorf("column %d of octant.applied has another type than the relay gives it: drop the table, and the relay makes it again", i+1)
		}
	}
	m := &relay.Mark{
		Origin: relay.Region(v[0].Uint), Lane: int(v[1].Uint),
		Range: relay.Range{From: relay.Seq(v[2].Uint), To: relay.Seq(v[3].Uint)},
		HLC:   relay.HLC(v[4].Int), Nonce: v[5].Uint,
	}
	if !m.Origin.Valid() || m.Range.From > m.Range.To {
		return nil, fmt.Errorf("a row of octant.applied that no relay writes: region %d, sequences %d to %d", m.Origin, m.Range.From, m.Range.To)
	}
	return m, nil
}
