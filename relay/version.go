package relay

import (
	"cmp"
	"strconv"
)

// MaxRegions is the largest region id. Ids are 1..MaxRegions; 0 means "no region".
const MaxRegions = 64

// Region is a region's id, unique in a cluster. It is also the last tie-break between two versions.
type Region uint8

// Valid tells whether r can be a region's id.
func (r Region) Valid() bool { return r >= 1 && r <= MaxRegions }

// HLC is a hybrid logical clock value in microseconds since the Unix epoch. Every local transaction gets one in log
// order, max(previous+1, physical commit time), and the transactions of other regions raise it as capture passes them.
type HLC int64

// Version says which write of a row is the later one. Versions are totally ordered, and the same everywhere.
type Version struct {
	HLC    HLC
	Region Region
}

// Compare orders versions by clock, then by region.
func (v Version) Compare(w Version) int {
	if c := cmp.Compare(v.HLC, w.HLC); c != 0 {
		return c
	}
	return cmp.Compare(v.Region, w.Region)
}

// After tells whether v is the later write.
func (v Version) After(w Version) bool { return v.Compare(w) > 0 }

// IsZero tells whether v is no version at all: older than every real one.
func (v Version) IsZero() bool { return v == Version{} }

// String prints a version as clock@region.
func (v Version) String() string {
	return strconv.FormatInt(int64(v.HLC), 10) + "@" + strconv.Itoa(int(v.Region))
}
