package verify

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/octant-db/octant/relay"
)

// Place is what Local needs to know of the running relay.
type Place interface {
	Cut() relay.Cut
	Shown() relay.Vector
	Fence(ctx context.Context) error
}

// Local answers for the relay's own region: relay.Comparison. Reader's methods are its own.
type Local struct {
	Reader
	Relay Place
	Log   LocalLog
	Self  relay.Region
	Clock relay.Clock
}

// Reader reads the region's database.
type Reader = relay.TableReader

// LocalLog is what of the relay log is read.
type LocalLog struct {
	Log      relay.Log
	Decoders map[relay.Flavour]relay.Decoder
}

var _ relay.Comparison = (*Local)(nil)

// Cut implements relay.Comparison.
func (l *Local) Cut(context.Context) (relay.Cut, error) { return l.Relay.Cut(), nil }

// Shown implements relay.Comparison.
func (l *Local) Shown(context.Context) (relay.Vector, error) { return l.Relay.Shown(), nil }

// Look implements relay.Comparison.
func (l *Local) Look(ctx context.Context, table string, since relay.LSN, keys []relay.RowKey) ([]relay.Look, error) {
	found, err := l.Find(ctx, table, keys)
	if err != nil {
		return nil, err
	}
	if err := l.Relay.Fence(ctx); err != nil {
		return nil, fmt.Errorf("wait until the log has what the rows show: %w", err)
	}
	s := search{local: l, table: table, rows: make([]relay.Look, len(keys)), places: map[relay.RowKey][]int{}}
	for i, d := range found {
		s.rows[i].Row = d
		s.want(keys[i], i)
		if d != nil && d.Key != keys[i] { // one key by the database's rules, with other bytes
			s.want(d.Key, i)
		}
	}
	first, last := relay.LSN(l.Log.Log.Local().First()), l.Relay.Cut().LSN
	if since+1 < first {
		since = first - 1
		if len(keys) > 0 {
			s.all(relay.Version{})
		}
	}
	return s.rows, s.run(ctx, since+1, last)
}

// repairLane is the lane of operators' repairs, which no lane of an applier is, and repairNonce is where their numbers begin: above those of the
// applier's own repairs, which count microseconds too.
const (
	repairLane  = 32_000
	repairNonce = 1 << 62
)

// Replace implements relay.Comparison.
func (l *Local) Replace(ctx context.Context, r relay.Replacement) error {
	r.Mark = relay.Mark{
		Origin: l.Self, HLC: relay.Amendment, Nonce: repairNonce + uint64(l.Clock.Now().UnixMicro()), Lane: repairLane,
	}
	return l.Reader.Replace(ctx, r)
}

// search looks in the log for writes of rows.
type search struct {
	local  *Local
	table  string
	rows   []relay.Look
	places map[relay.RowKey][]int
}

func (s *search) want(k relay.RowKey, i int) { s.places[k] = append(s.places[k], i) }

// run reads the entries from first to last.
func (s *search) run(ctx context.Context, first, last relay.LSN) error {
	if first > last {
		return nil
	}
	cursor, err := s.local.Log.Log.Local().Read(first)
	if err != nil {
		return fmt.Errorf("look for writes in the log from %d on: %w", first, err)
	}
	defer cursor.Close()
	for at := first; at <= last; {
		e, body, err := cursor.Next(ctx)
		if err != nil {
			return fmt.Errorf("look for writes in the log: %w", err)
		}
		if at = e.LSN + 1; e.LSN > last {
			return nil
		}
		if err := s.entry(&e, body); err != nil {
			return fmt.Errorf("look for writes in entry %d of the log: %w", e.LSN, err)
		}
	}
	return nil
}

func (s *search) entry(e *relay.Entry, body relay.Body) error {
	if e.Kind != relay.Local && e.Kind != relay.Applied {
		return nil
	}
	v := relay.Version{HLC: e.HLC, Region: s.local.Self}
	if e.Kind == relay.Applied {
		v = relay.Version{}
	}
	wrote, err := s.changes(e.Flavour, body, v)
	if err != nil || !wrote || e.Mark == nil || e.Mark.Repair() {
		return err
	}
	return s.carried(e.Mark)
}

// carried finds out which of the transactions that a mark covers wrote the rows. Those that the log no longer has are left out.
func (s *search) carried(m *relay.Mark) error {
	stream := s.local.Log.Log.Received(m.Origin)
	for seq := m.Range.From; seq <= m.Range.To; seq++ {
		t, body, err := stream.Transaction(seq)
		if err != nil {
			continue
		}
		if _, err := s.changes(t.Flavour, body, t.Version()); err != nil {
			return err
		}
	}
	return nil
}

// changes notes the rows that a transaction wrote, and tells whether there were any.
func (s *search) changes(flavour relay.Flavour, body relay.Body, v relay.Version) (wrote bool, err error) {
	decoder := s.local.Log.Decoders[flavour]
	if decoder == nil {
		return false, fmt.Errorf("no decoder for flavour %q", flavour)
	}
	for c, err := range decoder.Changes(body) {
		switch {
		case err != nil:
			return wrote, err
		case c.Op == relay.Statement:
			s.statement(c.Definition, v)
		case c.Table.String() == s.table:
			one, err := s.change(&c, v)
			if wrote = wrote || one; err != nil {
				return wrote, err
			}
		}
	}
	return wrote, nil
}

// statement notes what may have written any row. A change of the table's definition has, but says nothing of which region's rows are newer.
func (s *search) statement(d *relay.Definition, v relay.Version) {
	switch {
	case d == nil || len(d.Tables) == 0:
		s.all(v)
	case !slices.ContainsFunc(d.Tables, s.meant):
	case d.Empties:
		s.all(v)
	default:
		s.all(relay.Version{})
	}
}

// meant tells whether a name is the table's or its schema's.
func (s *search) meant(n relay.TableName) bool {
	schema, table, _ := strings.Cut(s.table, ".")
	return strings.EqualFold(n.Schema, schema) && (n.Table == "" || strings.EqualFold(n.Table, table))
}

func (s *search) change(c *relay.Change, v relay.Version) (wrote bool, err error) {
	for _, img := range []relay.Image{c.Before, c.After} {
		if img == nil {
			continue
		}
		key, err := s.local.Key(c.Table, img)
		if err != nil {
			return wrote, err
		}
		if key == "" { // the image does not tell
			s.all(relay.Version{})
			return true, nil
		}
		for _, i := range s.places[key] {
			wrote = true
			s.written(i, v)
		}
	}
	return wrote, nil
}

func (s *search) all(v relay.Version) {
	for i := range s.rows {
		s.written(i, v)
	}
}

// written notes a write. The versions of a row's writes rise along a region's log, except for the losers among what others sent.
func (s *search) written(i int, v relay.Version) {
	s.rows[i].Written = true
	if v.After(s.rows[i].Version) {
		s.rows[i].Version = v
	}
}
