package values

import "github.com/octant-db/octant/relay"

// Form says how rows of one table become those of another that nobody but the caller need know: one that was made up for it, say. Both have the same
// columns by name and the same primary key, or none. It may be used from several goroutines.
type Form struct{ p *plan }

// NewForm compares two tables. The error, a *relay.TableError, says why rows of the one cannot be rows of the other.
func NewForm(from, to *relay.Table) (*Form, error) {
	p := &plan{from: from, to: to}
	if from.Plain == nil || to.Plain == nil {
		return nil, p.held("rows of %s are not understood", from.Flavour)
	}
	if p.compare(&Local{Table: to}); p.problem != nil {
		return nil, p.problem
	}
	return &Form{p}, nil
}

// Values reads a row and brings it over. What the row does not say is Missing. An error names the column, and no value.
func (f *Form) Values(img relay.Image) ([]relay.Value, error) {
	return f.some(img, all)
}

// Key is Values of the primary key alone: the rest is Missing.
func (f *Form) Key(img relay.Image) ([]relay.Value, error) {
	return f.some(img, func(i int) bool { return f.p.inKey[i] })
}

func (f *Form) some(img relay.Image, wanted func(i int) bool) ([]relay.Value, error) {
	list, err := f.p.from.Plain.Values(img)
	if err != nil {
		return nil, err
	}
	return f.p.row(list, wanted)
}
