package join

// Progress says how far a region has come.
type Progress struct {
	Tables, TablesDone int
	Table              string // that is being copied
	Rows, Estimate     uint64 // copied; of all tables, about
	CatchingUp         bool   // the rows have been copied
	Redone             uint64 // entries of the donor's log that have been done again
}

func (n *Newcomer) tell(catchingUp bool) {
	if n.Options.Progress == nil {
		return
	}
	p := Progress{Tables: len(n.note.Tables), CatchingUp: catchingUp, Redone: uint64(n.note.Redone - n.note.Begin)}
	for _, t := range n.note.Tables {
		p.Rows, p.Estimate = p.Rows+t.Copied, p.Estimate+max(t.Estimate, t.Copied)
		if t.Done {
			p.TablesDone++
		} else if p.Table == "" {
			p.Table = t.Name
		}
	}
	n.Options.Progress(p)
}
