package conflict

import "slices"

// Below are the rows that M knows to have had one of these parents, as they were then, if they are parents themselves.
func (e *Engine) Below(parents []string) (rows []Row, err error) {
	v := e.onPending()
	for _, parent := range parents {
		children, err := v.children(parent)
		if err != nil {
			return nil, err
		}
		for _, k := range children {
			for _, l := range v.rows[k].reg.links() {
				if l.Row.Exists() && len(l.Row.Children) > 0 {
					rows = append(rows, l.Row)
				}
			}
		}
	}
	return rows, nil
}

// Bereft tells whether a change writes a row that may have lost its children: M knows ends of a parent that it names, or that parent is among those that are being ended.
func (e *Engine) Bereft(c *Change, ending []string) bool {
	if !c.After.Exists() || !c.After.Middle {
		return false
	}
	v := e.onPending()
	for _, parent := range c.After.Parents {
		if slices.Contains(ending, parent) {
			return true
		}
		if ends, err := v.ends(parent); err != nil || len(ends) > 0 {
			return true
		}
	}
	return false
}
