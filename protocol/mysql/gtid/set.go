package gtid

import (
	"maps"
	"slices"
)

// Set is a set of GTIDs. The zero Set is empty and ready for use. Copies of a Set share their content: Clone first to change
// one and keep the other. It is not safe for use from several goroutines while one changes it.
type Set struct {
	of map[Source]intervals // never an empty list
}

// Of returns the set of the GTIDs.
func Of(list ...GTID) Set {
	var s Set
	for _, g := range list {
		s.Add(g)
	}
	return s
}

// Add puts one GTID into the set.
func (s *Set) Add(g GTID) { s.AddInterval(g.Source, Interval{g.Number, g.Number}) }

// AddInterval puts all numbers of the interval into the set. An impossible interval adds nothing.
func (s *Set) AddInterval(source Source, i Interval) {
	if i.First == 0 || i.First > i.Last || i.Last > MaxNumber {
		return
	}
	if s.of == nil {
		s.of = map[Source]intervals{}
	}
	s.of[source] = s.of[source].add(i)
}

// AddSet puts every GTID of other into the set.
func (s *Set) AddSet(other Set) {
	if s.of == nil && len(other.of) > 0 {
		s.of = make(map[Source]intervals, len(other.of))
	}
	for source, list := range other.of {
		s.of[source] = normal(slices.Concat(s.of[source], list))
	}
}

// Contains tells whether the GTID is in the set.
func (s Set) Contains(g GTID) bool { return s.of[g.Source].contains(g.Number) }

// Includes tells whether every GTID of other is in the set.
func (s Set) Includes(other Set) bool {
	for source, list := range other.of {
		if !s.of[source].includes(list) {
			return false
		}
	}
	return true
}

// Union returns a new set of what is in either.
func (s Set) Union(other Set) Set {
	u := s.Clone()
	u.AddSet(other)
	return u
}

// Subtract returns a new set of what is in s and not in other.
func (s Set) Subtract(other Set) Set {
	var rest Set
	for source, list := range s.of {
		rest.put(source, list.subtract(other.of[source]))
	}
	return rest
}

// Intersect returns a new set of what is in both.
func (s Set) Intersect(other Set) Set { return s.Subtract(s.Subtract(other)) }

// put takes a list that is nobody else's.
func (s *Set) put(source Source, list intervals) {
	if len(list) == 0 {
		return
	}
	if s.of == nil {
		s.of = map[Source]intervals{}
	}
	s.of[source] = list
}

// Equal tells whether both sets hold the same GTIDs.
func (s Set) Equal(other Set) bool {
	return maps.EqualFunc(s.of, other.of, func(a, b intervals) bool { return slices.Equal(a, b) })
}

// Empty tells whether nothing is in the set.
func (s Set) Empty() bool { return len(s.of) == 0 }

// Tagged tells whether any GTID of the set has a tag; such a set has no classic binary form.
func (s Set) Tagged() bool {
	for source := range s.of {
		if source.Tag != "" {
			return true
		}
	}
	return false
}

// Count returns how many GTIDs are in the set.
func (s Set) Count() uint64 {
	var n uint64
	for _, list := range s.of {
		for _, i := range list {
			n += i.Last - i.First + 1
		}
	}
	return n
}

// Sources returns the sources that the set has GTIDs of, in the order of Compare.
func (s Set) Sources() []Source { return slices.SortedFunc(maps.Keys(s.of), Source.Compare) }

// Intervals returns the numbers of a source, rising, with holes between them. The slice is a copy.
func (s Set) Intervals(source Source) []Interval { return slices.Clone(s.of[source]) }

// BornAt returns a new set of the GTIDs that a server gave itself, with and without tags.
func (s Set) BornAt(server UUID) Set {
	return s.filter(func(source Source) bool { return source.Server == server })
}

// Untagged returns a new set of the GTIDs without tags, for peers that do not know of tags.
func (s Set) Untagged() Set {
	return s.filter(func(source Source) bool { return source.Tag == "" })
}

func (s Set) filter(keep func(Source) bool) Set {
	var part Set
	for source, list := range s.of {
		if keep(source) {
			part.put(source, slices.Clone(list))
		}
	}
	return part
}

// Clone returns a copy that shares nothing with s.
func (s Set) Clone() Set { return s.filter(func(Source) bool { return true }) }
