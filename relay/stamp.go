package relay

import "time"

// Next gives a captured entry its place and its clock, and returns the state after it. Called in log order, it is the
// whole clock rule: a local transaction is later than everything that its database showed before it, whatever the
// physical clocks say. It has no effect of its own; s is left alone.
func (s State) Next(self Region, c Captured) (Entry, State) {
	s.LSN++
	s.Position = c.Position
	e := Entry{
		LSN: s.LSN, Kind: c.Kind, Mark: c.Mark, Time: c.Physical, GTID: c.GTID,
		Position: c.Position, Keys: c.Keys, Flavour: c.Flavour,
	}
	switch c.Kind {
	case Local:
		s.Seq++
		s.HLC = max(s.HLC+1, physical(c.Physical))
		e.Seq, e.Deps = s.Seq, s.SeenVector()
	case Applied:
		s.HLC = max(s.HLC, c.Mark.HLC)
		s.Seen = sawMark(s.Seen, self, c.Mark)
	}
	e.HLC = s.HLC
	return e, s
}

// physical converts a commit time to a clock value; a missing one counts as the beginning of time.
func physical(t time.Time) HLC {
	if t.IsZero() {
		return 0
	}
	return HLC(t.UnixMicro())
}

// sawMark returns seen with the mark's last transaction in it. The argument is shared with earlier states and is copied.
func sawMark(seen []SeqHLC, self Region, m *Mark) []SeqHLC {
	if m.Repair() || m.Origin == self {
		return seen
	}
	next := make([]SeqHLC, max(len(seen), int(m.Origin)+1))
	copy(next, seen)
	if m.Range.To > next[m.Origin].Seq {
		next[m.Origin] = SeqHLC{Seq: m.Range.To, HLC: max(next[m.Origin].HLC, m.HLC)}
	}
	return next
}
