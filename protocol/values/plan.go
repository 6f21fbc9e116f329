package values

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/octant-db/octant/relay"
)

// Local is a table of the local database, as it is now.
type Local struct {
	Table  *relay.Table
	Unique []int // columns of its secondary unique indexes

	// Narrow returns the table with its first n columns alone, as the database's log had it before it got the others. Rows can do without columns from Needed on: they
	// may be NULL or have a constant default, which is what the database gives rows that come without them. nil: rows need all columns.
	Narrow func(n int) (*relay.Table, error)
	Needed int
}

// For returns the table without those columns at its end that rows of another one do not have and can do without.
func (l *Local) For(from *relay.Table) (*relay.Table, error) {
	n := len(l.Table.Columns)
	if l.Narrow == nil {
		return l.Table, nil
	}
	for n > l.Needed && columnNamed(from, l.Table.Columns[n-1].Name) < 0 {
		n--
	}
	if n == len(l.Table.Columns) {
		return l.Table, nil
	}
	return l.Narrow(n)
}

// ValueError says why one row of another engine has no counterpart. It has no values.
type ValueError struct {
	Table string
	Err   error
}

// Error gives the table and the reason.
func (e *ValueError) Error() string { return "bring a row of " + e.Table + " over: " + e.Err.Error() }

// Unwrap returns what the column said.
func (e *ValueError) Unwrap() error { return e.Err }

// Rejection implements what relay.Rejected looks for.
func (e *ValueError) Rejection() (relay.Rejection, bool) {
	return relay.Rejection{Reason: relay.UnfitValue, Table: e.Table, Detail: e.Err.Error()}, true
}

// plan says how rows of one table of another engine become rows of the local one. It is never changed once made.
type plan struct {
	from, to *relay.Table
	logged   *relay.Table // as the database's log has it now: to, and the columns that rows of from do without
	source   []int        // by local column: the one that it comes from
	inKey    []bool       // by local column
	problem  *relay.TableError
	keyed    bool // rows can be identified, whatever the problem is
	strict   bool // rows are brought over whole or not at all, those before a change too
}

// newPlan compares two tables. to is nil if there is no such table.
func newPlan(from *relay.Table, local *Local) *plan {
	p := &plan{from: from}
	switch {
	case from.Plain == nil:
		p.problem = p.held("rows of %s are not understood here", from.Flavour)
	case local == nil:
		p.problem = p.held("the table is missing here: create it")
		p.problem.Kind = relay.MissingTable
	case local.Table.Plain == nil || len(local.Table.Key) == 0:
		p.problem = p.held("it has no primary key here: add one in all regions")
	default:
		p.logged = local.Table
		var err error
		if p.to, err = local.For(from); err != nil {
			p.to, p.problem = p.logged, p.held("its columns cannot be described: %v", err)
			return p
		}
		p.compare(local)
	}
	return p
}

func (p *plan) held(format string, args ...any) *relay.TableError {
	return &relay.TableError{Table: p.from.String(), Reason: fmt.Sprintf(format, args...)}
}

func (p *plan) compare(local *Local) {
	p.source, p.inKey = make([]int, len(p.to.Columns)), make([]bool, len(p.to.Columns))
	for i := range p.to.Columns {
		p.source[i] = columnNamed(p.from, p.to.Columns[i].Name)
	}
	for _, part := range p.to.Key {
		p.inKey[part.Column] = true
	}
	if p.problem = p.compareKeys(); p.problem != nil {
		return
	}
	p.keyed = true
	if p.problem = p.compareColumns(); p.problem == nil {
		p.problem = p.compareUnique(local.Unique)
	}
}

// columnNamed finds a column; names do not differ in case alone in all engines.
func columnNamed(t *relay.Table, name string) int {
	return slices.IndexFunc(t.Columns, func(c relay.Column) bool { return strings.EqualFold(c.Name, name) })
}

func (p *plan) compareKeys() *relay.TableError {
	there, here := keyNames(p.from), keyNames(p.to)
	if !strings.EqualFold(there, here) {
		return p.held("the primary key is (%s) there and (%s) here: make them equal", there, here)
	}
	for _, part := range slices.Concat(p.from.Key, p.to.Key) {
		if part.Prefix > 0 {
			return p.held("its primary key is on a part of a column, which other engines do not have: take the whole column")
		}
	}
	for _, part := range p.to.Key {
		if e := p.compareColumn(part.Column); e != nil {
			return e
		}
		if e := p.compareEquality(part.Column, "the primary key"); e != nil {
			return e
		}
	}
	return nil
}

func keyNames(t *relay.Table) string {
	names := make([]string, len(t.Key))
	for i, part := range t.Key {
		names[i] = t.Columns[part.Column].Name
	}
	return strings.Join(names, ", ")
}

func (p *plan) compareColumns() *relay.TableError {
	for i := range p.to.Columns {
		if e := p.compareColumn(i); e != nil {
			return e
		}
	}
	for _, c := range p.from.Columns {
		if columnNamed(p.to, c.Name) < 0 {
			return p.held("column %s is missing here: add it", c.Name)
		}
	}
	return nil
}

// compareColumn finds out whether the i-th column's type has a counterpart.
func (p *plan) compareColumn(i int) *relay.TableError {
	name := p.to.Columns[i].Name
	if p.source[i] < 0 {
		return p.held("column %s stands only here: drop it, add it where the change was made, or have it behind all others, NULL or with a constant DEFAULT", name)
	}
	from, to := p.from.Plain.Types()[p.source[i]], p.to.Plain.Types()[i]
	if _, ok := Refused(from, to); !ok {
		return p.held("column %s is %s there and %s here, which do not go together: see docs/types.md", name, from.Name, to.Name)
	}
	return nil
}

// compareEquality finds out whether a key holds the same texts to be equal on both sides: else two rows there could be one here.
func (p *plan) compareEquality(i int, key string) *relay.TableError {
	from, to := p.from.Plain.Types()[p.source[i]], p.to.Plain.Types()[i]
	texts := from.Kind == relay.Text && to.Kind == relay.Text
	if texts && from.Equality == to.Equality || from.Kind != relay.Text && to.Kind != relay.Text {
		return nil
	}
	if !texts && (from.Kind == relay.UUID || to.Kind == relay.UUID) {
		return nil // only the one form of it is taken
	}
	return p.held("column %s is part of %s, which compares texts by %s there and by %s here: give it a collation that compares bytes, "+
		"such as utf8mb4_nopad_bin or utf8mb4_0900_bin", p.to.Columns[i].Name, key, equalityName(from), equalityName(to))
}

func equalityName(t relay.Type) string {
	if t.Equality == "" {
		return t.Name
	}
	return t.Equality
}

func (p *plan) compareUnique(columns []int) *relay.TableError {
	for _, i := range columns {
		if e := p.compareEquality(i, "a unique index"); e != nil {
			return e
		}
	}
	return nil
}

var errNotWhole = errors.New("the row was not logged whole")

// image brings those columns of a row over that are wanted; the others are missing.
func (p *plan) image(list []relay.Value, wanted func(i int) bool) (relay.Image, error) {
	row, err := p.row(list, wanted)
	if err != nil {
		return nil, err
	}
	return p.to.Plain.Image(row)
}

func (p *plan) row(list []relay.Value, wanted func(i int) bool) ([]relay.Value, error) {
	row := make([]relay.Value, len(p.source))
	for i := range row {
		if row[i].Kind = relay.Missing; !wanted(i) {
			continue
		}
		var err error
		if row[i], err = p.value(list, i); err != nil {
			return nil, err
		}
	}
	return row, nil
}

func all(int) bool { return true }

// whole brings a row over that is to be written: nothing of it may be missing.
func (p *plan) whole(img relay.Image) (relay.Image, error) {
	list, err := p.from.Plain.Values(img)
	if err == nil && slices.ContainsFunc(list, func(v relay.Value) bool { return v.Kind == relay.Missing }) {
		err = errNotWhole
	}
	if err != nil {
		return nil, err
	}
	return p.image(list, all)
}

func (p *plan) value(list []relay.Value, i int) (relay.Value, error) {
	from := p.source[i]
	v, err := Convert(list[from], &p.from.Plain.Types()[from], &p.to.Plain.Types()[i])
	if err != nil {
		return v, fmt.Errorf("column %s: %w", p.to.Columns[i].Name, err)
	}
	return v, nil
}

// key brings over the primary key of a row, and nothing else.
func (p *plan) key(img relay.Image) (relay.Image, error) {
	list, err := p.from.Plain.Values(img)
	if err != nil {
		return nil, err
	}
	return p.image(list, func(i int) bool { return p.inKey[i] })
}

// before brings over what stood: if not all of it can be, then the key.
func (p *plan) before(img relay.Image) (relay.Image, error) {
	if p.strict {
		return p.whole(img)
	}
	list, err := p.from.Plain.Values(img)
	if err == nil {
		if image, err := p.image(list, all); err == nil {
			return image, nil
		}
	}
	return p.key(img)
}

// change brings a change over. False: it has no local form, or not of all that must be known of it.
func (p *plan) change(c *relay.Change) bool {
	if p.problem != nil {
		return false
	}
	var before, after relay.Image
	var err error
	if c.Before != nil {
		if before, err = p.before(c.Before); err != nil {
			return false
		}
	}
	if c.After != nil {
		if after, err = p.whole(c.After); err != nil {
			return false
		}
	}
	c.Table, c.Before, c.After = p.to, before, after
	return true
}
