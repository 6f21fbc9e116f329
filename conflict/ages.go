package conflict

import (
	"container/heap"

	"github.com/octant-db/octant/relay"
)

// age is when a row is to be looked at: the clock that its register had, which may be later now. Each row has one at least.
type age struct {
	hlc relay.HLC
	key Key
}

// ages lists rows by age. Nearly all come in the order of their clocks: these stand in a line, and only the others take the work of a heap.
type ages struct {
	line []age // ascending
	past ageHeap
}

func (a *ages) add(x age) {
	if n := len(a.line); n > 0 && x.hlc < a.line[n-1].hlc {
		heap.Push(&a.past, x)
		return
	}
	a.line = append(a.line, x)
}

// next takes out the oldest one that is not above the limit.
func (a *ages) next(limit relay.HLC) (x age, due bool) {
	switch {
	case len(a.past) > 0 && a.past[0].hlc <= limit:
		return heap.Pop(&a.past).(age), true
	case len(a.line) > 0 && a.line[0].hlc <= limit:
		x, a.line[0] = a.line[0], age{}
		a.line = a.line[1:]
		return x, true
	}
	return age{}, false
}

// ageHeap has the oldest first.
type ageHeap []age

func (a ageHeap) Len() int           { return len(a) }
func (a ageHeap) Less(i, j int) bool { return a[i].hlc < a[j].hlc }
func (a ageHeap) Swap(i, j int)      { a[i], a[j] = a[j], a[i] }
func (a *ageHeap) Push(x any)        { *a = append(*a, x.(age)) }
func (a *ageHeap) Pop() any {
	last := len(*a) - 1
	x := (*a)[last]
	(*a)[last] = age{}
	*a = (*a)[:last]
	return x
}
