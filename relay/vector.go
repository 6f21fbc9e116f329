package relay

import "slices"

// Vector gives a clock value per region, indexed by region id: everything of that region up to the value has been
// seen. A region beyond its length has been seen up to 0. A Vector that is shared is never changed: use [Vector.With].
type Vector []HLC

// Get returns the value of r, 0 when r is not in the vector.
func (v Vector) Get(r Region) HLC {
	if int(r) >= len(v) {
		return 0
	}
	return v[r]
}

// With returns a copy in which r has the value h, if that is more than it had; v itself is left alone.
func (v Vector) With(r Region, h HLC) Vector {
	w := slices.Clone(v)
	w.Raise(r, h)
	return w
}

// Raise sets the value of r to h in place, if that is more than it had.
func (v *Vector) Raise(r Region, h HLC) {
	for int(r) >= len(*v) {
		*v = append(*v, 0)
	}
	(*v)[r] = max((*v)[r], h)
}

// Min returns the smallest value over the given regions, 0 when there are none.
func (v Vector) Min(regions []Region) HLC {
	if len(regions) == 0 {
		return 0
	}
	least := v.Get(regions[0])
	for _, r := range regions[1:] {
		least = min(least, v.Get(r))
	}
	return least
}

// Saw tells whether the holder of this vector had seen the write w.
func (v Vector) Saw(w Version) bool { return w.HLC <= v.Get(w.Region) }
