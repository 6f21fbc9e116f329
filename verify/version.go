package verify

import (
	"fmt"

	"github.com/octant-db/octant/relay"
)

// version reads what relay.Version prints; the zero one if the text is none.
func version(text string) relay.Version {
	var hlc int64
	var region uint8
	if n, err := fmt.Sscanf(text, "%d@%d", &hlc, &region); n != 2 || err != nil {
		return relay.Version{}
	}
	return relay.Version{HLC: relay.HLC(hlc), Region: relay.Region(region)}
}

// newest is the newest of the versions of some regions' rows, "" if none is known.
func newest(group []*RowState) string {
	best := ""
	for _, row := range group {
		if version(row.Version).After(version(best)) {
			best = row.Version
		}
	}
	return best
}
