package conflict

// mark is a fold on the way: one that a late write unfolds goes on from the last mark before it.
type mark struct {
	state  State
	counts int // how many events are in it
}

// marks are the marks of a history, the latest last: close to its end every few events, and further back ever fewer, so that there are not many of them and a write that
// comes late by some events has few more than these folded again. A list is never changed, only replaced: histories share it.
type marks []mark

// stride is how many events lie between marks at least.
const stride = 16

// due tells whether a mark of so many events is worth to be kept.
func (m marks) due(counts int) bool {
	return len(m) == 0 && counts >= stride || len(m) > 0 && counts-m[len(m)-1].counts >= stride
}

// with returns the marks and another one behind them all. A former one goes whose neighbours are no further from each other than half of what the later one is from the end.
func (m marks) with(next mark) marks {
	kept := make(marks, 0, len(m)+1)
	for i, at := range m {
		if last := len(kept) - 1; i+1 < len(m) && last >= 0 {
			later := m[i+1].counts
			if 2*(later-kept[last].counts) <= next.counts-later {
				continue
			}
		}
		kept = append(kept, at)
	}
	return append(kept, next)
}

// before returns the marks that have none of the events from the i-th on in them.
func (m marks) before(i int) marks {
	n := len(m)
	for n > 0 && m[n-1].counts > i {
		n--
	}
	return m[:n:n]
}

// moved returns the marks of a history whose first events have been folded into its base.
func (m marks) moved(by int) (list marks) {
	for _, at := range m {
		if at.counts > by {
			list = append(list, mark{at.state, at.counts - by})
		}
	}
	return list
}
