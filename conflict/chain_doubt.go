package conflict

// Broken sets what is told of a parent of which this region's rows, two generations below it, may differ from those of others: see tellChain and doubtful.
func (e *Engine) Broken(tell func(parent string)) { e.broken = tell }

// doubtful are the rows that a transaction of this region's applications may have taken from the table although M has them elsewhere: they are below one that
// waited for repair, so that it stood there as it should not.
func (e *Engine) doubtful(t *Transaction) ([]Key, error) {
	if e.repairs.len() == 0 {
		return nil, nil
	}
	d := doubts{view: e.onM(), met: make(map[Key]bool)}
	for i := range t.Changes {
		for _, parent := range t.Changes[i].Ends() {
			if err := d.look(parent, false); err != nil {
				return nil, err
			}
		}
	}
	if e.broken != nil {
		for _, parent := range unique(d.torn) {
			e.broken(parent)
		}
	}
	return d.rows, nil
}

// doubts looks for what may have been below a row.
type doubts struct {
	view *view
	met  map[Key]bool // true: by way of a row that waits for repair
	rows []Key
	torn []string // parents of such rows: what is forgotten may have been below these
}

func (d *doubts) look(parent string, doubtful bool) error {
	children, err := d.view.children(parent)
	if err != nil {
		return err
	}
	for _, k := range children {
		through := doubtful || d.view.engine.repairs.has(k)
		if was, met := d.met[k]; met && (was || !through) {
			continue
		}
		d.met[k] = through
		if through {
			d.rows = append(d.rows, k)
		}
		if through && d.view.rows[k].reg.middle() {
			d.torn = append(d.torn, parent)
		}
		reg := d.view.rows[k].reg
		_, names := reg.ties()
		for _, name := range names {
			if err := d.look(name, through); err != nil {
				return err
			}
		}
	}
	return nil
}

// tellChain tells of parents in chains that another region's transaction has ended, and this region too, if neither knew of the other. Of the rows between them and their
// children's children, which this database took in silence, nothing is known here that was forgotten: so what is new below these may be left here alone.
func (e *Engine) tellChain(t *Transaction, v *view) {
	if e.broken == nil {
		return
	}
	for _, f := range v.ended {
		if f.Version != t.Version() {
			continue
		}
		ends, err := v.ends(f.Parent)
		if err == nil && e.crossed(ends, t) {
			e.broken(f.Parent)
		}
	}
}
