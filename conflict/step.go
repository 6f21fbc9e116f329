package conflict

import "slices"

// step is a policy: what a write makes of what all older writes came to. The state is not changed.
func (r *Rule) step(s State, ev *Event) (State, error) {
	switch r.Policy {
	case Priority, Timestamp:
		return r.stepOpen(s, ev), nil
	case Merge, Counter:
		return r.stepMerge(s, ev)
	default:
		if ev.Rejected {
			return s, nil
		}
		return State{Known: true, Version: ev.Version, Row: ev.After}, nil
	}
}

// stepOpen: a write replaces all that its author had seen; of those that are left, the most important region's shows, or the one with the
// latest time.
func (r *Rule) stepOpen(s State, ev *Event) State {
	open := slices.Clone(s.Open)
	if len(open) == 0 && s.Known && !s.Version.IsZero() {
		open = []Written{{Version: s.Version, Row: s.Row}}
	}
	open = slices.DeleteFunc(open, func(w Written) bool { return ev.saw(w.Version) })
	open = append(open, Written{Version: ev.Version, Row: ev.After})
	best := open[0]
	for _, w := range open[1:] {
		if r.outranks(&w, &best) {
			best = w
		}
	}
	return State{Known: true, Version: best.Version, Row: best.Row, Open: open}
}

func (r *Rule) outranks(w, x *Written) bool {
	if r.Policy == Timestamp {
		if a, b := r.moment(w), r.moment(x); a != b {
			return a > b
		}
	}
	if a, b := r.rank(w.Version.Region), r.rank(x.Version.Region); a != b {
		return a < b
	}
	return w.Version.After(x.Version)
}

// stepMerge: an insert makes the row anew, and the newest insert's row is the one that counts. Updates and deletes belong to
// the row that their author had seen. A delete ends it, also for updates that its author had not seen.
func (r *Rule) stepMerge(s State, ev *Event) (State, error) {
	switch {
	case ev.After.Exists() && !ev.Before.Exists():
		return State{Known: true, Version: ev.Version, Row: ev.After, Created: ev.Version}, nil
	case !ev.saw(s.Created):
		return s, nil
	case !ev.After.Exists():
		return State{Known: true, Version: ev.Version, Row: ev.After, Created: s.Created}, nil
	case s.Known && !s.Row.Exists():
		return s, nil
	}
	row := ev.After
	if s.Known {
		var err error
		if row, err = r.Replay(s.Row, ev.Before, ev.After); err != nil {
			return s, err
		}
	}
	return State{Known: true, Version: ev.Version, Row: row, Created: s.Created}, nil
}
