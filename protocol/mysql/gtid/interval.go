package gtid

import (
	"cmp"
	"slices"
)

// Interval is a closed range of numbers. First is at least 1 and not above Last.
type Interval struct {
	First, Last uint64
}

// intervals rise, and neither overlap nor touch.
type intervals []Interval

// normal sorts a list in place and joins what overlaps or touches.
func normal(list intervals) intervals {
	slices.SortFunc(list, func(a, b Interval) int { return cmp.Compare(a.First, b.First) })
	out := list[:0]
	for _, i := range list {
		if n := len(out); n > 0 && i.First <= out[n-1].Last+1 {
			out[n-1].Last = max(out[n-1].Last, i.Last)
			continue
		}
		out = append(out, i)
	}
	return out
}

// find returns the place of the first interval that ends at n or later.
func (l intervals) find(n uint64) int {
	at, _ := slices.BinarySearchFunc(l, n, func(i Interval, n uint64) int { return cmp.Compare(i.Last, n) })
	return at
}

func (l intervals) contains(n uint64) bool {
	at := l.find(n)
	return at < len(l) && l[at].First <= n
}

// add puts one interval in and returns the list, which may be the old one changed. At the end, where new transactions are, it
// costs nothing.
func (l intervals) add(i Interval) intervals {
	if n := len(l); n > 0 && i.First == l[n-1].Last+1 {
		l[n-1].Last = i.Last
		return l
	}
	from := l.find(i.First - 1) // what ends right before it touches
	to := from
	for to < len(l) && l[to].First <= i.Last+1 {
		i.First, i.Last = min(i.First, l[to].First), max(i.Last, l[to].Last)
		to++
	}
	return slices.Replace(l, from, to, i)
}

// includes tells whether every number of other is in l.
func (l intervals) includes(other intervals) bool {
	for _, i := range other {
		at := l.find(i.First)
		if at == len(l) || l[at].First > i.First || l[at].Last < i.Last {
			return false
		}
	}
	return true
}

// subtract returns a new list of what is in l and not in other.
func (l intervals) subtract(other intervals) intervals {
	var out intervals
	for _, i := range l {
		for at := other.find(i.First); at < len(other) && other[at].First <= i.Last; at++ {
			if other[at].First > i.First {
				out = append(out, Interval{i.First, other[at].First - 1})
			}
			i.First = other[at].Last + 1
			if i.First > i.Last {
				break
			}
		}
		if i.First <= i.Last {
			out = append(out, i)
		}
	}
	return out
}
