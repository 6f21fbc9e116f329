package simulation

import (
	"testing"

	"github.com/octant-db/octant/conflict"
)

// What random histories of families meet too seldom. TestChains plays them for each mutation, too.
var chainHistories = map[string]func(t *testing.T){
	"a row that had gone is not taken again": func(t *testing.T) {
		h := begun(t, 3, put("parent", 0, ""), put("kid", 1, "0"))
		h.write(1, drop("parent", 0))
		h.write(2, put("toy", 2, "1"))
		h.bring(2, 1)
		h.write(1, put("parent", 0, ""))
		h.write(1, drop("parent", 0))
		h.ends()
		h.stands(3, "toy", 2, true)
	},
	"what turns out not to have gone comes back": func(t *testing.T) {
		h := begun(t, 3, put("parent", 0, ""), put("parent", 1, ""), put("kid", 1, "0"), put("toy", 1, "1"))
		h.write(2, put("kid", 1, "1"))
		h.bring(2, 3)
		h.write(3, drop("parent", 0))
		h.bring(3, 1)
		h.stands(1, "toy", 1, false)
		h.bring(2, 1)
		h.ends()
		h.stands(1, "toy", 1, true)
	},
	"what stood below a row that is elsewhere goes": func(t *testing.T) {
		h := begun(t, 3, put("parent", 0, ""), put("parent", 1, ""), put("kid", 1, "0"), put("toy", 1, "1"))
		h.write(2, put("kid", 1, "1"))
		h.bring(2, 1)
		h.write(3, drop("parent", 0))
		h.bring(3, 1)
		h.ends()
		h.stands(1, "toy", 1, false)
	},
	"a row comes below one that goes in the same batch": func(t *testing.T) {
		h := begun(t, 2, put("parent", 0, ""), put("parent", 1, ""), put("kid", 1, "1"), put("toy", 1, "1"))
		h.write(2, put("kid", 1, "0"))
		h.write(2, drop("parent", 0))
		h.bring(2, 1)
		h.ends()
		h.stands(1, "toy", 1, false)
	},
	"a region that alone keeps a row says so": func(t *testing.T) {
		h := begun(t, 3, put("parent", 0, ""), put("kid", 1, "0"))
		h.write(1, drop("parent", 0))
		h.write(2, put("toy", 1, "1"))
		h.write(2, drop("parent", 0))
		h.ends()
		h.stands(1, "toy", 1, true)
		h.stands(3, "toy", 1, false)
	},
	"a deletion does not take what it had not seen and others have forgotten": func(t *testing.T) {
		h := begun(t, 3, put("parent", 0, ""), put("kid", 1, "0"))
		h.write(2, put("toy", 2, "1"))
		h.talk()
		h.write(3, drop("parent", 0))
		h.bring(3, 1)
		h.bring(2, 1)
		h.bring(2, 3)
		h.talk()
		h.write(2, later("kid", 1, "0"))
		h.bring(2, 1)
		h.stands(1, "toy", 2, true)
		h.ends()
	},
	"a row is deleted with its parent and inserted again, while it is elsewhere": func(t *testing.T) {
		h := begun(t, 3, put("parent", 0, ""), put("parent", 1, ""), put("kid", 1, "0"), put("toy", 1, "1"))
		h.write(3, drop("parent", 0), put("kid", 1, "0"))
		h.write(2, put("kid", 1, "1"))
		h.apply(2, 1)
		h.apply(3, 1)
		h.pass(1)
		h.ends()
		h.stands(1, "toy", 1, false)
	},
	"what an author found is another one's write that comes late": func(t *testing.T) {
		h := begun(t, 4, put("parent", 0, ""), put("parent", 1, ""), put("toy", 1, "1"))
		h.write(2, put("kid", 1, "0"))
		h.bring(2, 3)
		h.write(3, put("kid", 1, "1"))
		h.write(4, drop("parent", 0))
		h.apply(3, 1)
		h.apply(2, 1)
		h.apply(4, 1)
		h.stands(1, "toy", 1, true)
		h.ends()
	},
	"what went by an end that is forgotten stays away":            goneForGood,
	"what went by way of a row whose end is forgotten stays away": goneByWayForGood,
	"a row that comes behind a deletion that its author had seen is parted": func(t *testing.T) {
		h := begun(t, 3, put("parent", 0, ""))
		h.write(2, put("ward", 1, "0"))
		h.bring(2, 3)
		h.write(3, drop("parent", 0))
		h.bring(3, 1)
		h.bring(2, 1)
		h.ends()
	},
	"what a database has done in silence is owed across a crash": func(t *testing.T) {
		h := begun(t, 2, put("parent", 0, ""))
		h.save()
		h.write(1, put("torn", 1, "0"))
		h.bring(1, 2)
		h.write(2, later("torn", 1, "0"))
		h.write(2, put("torn", 1, "0"))
		h.begin(2, 1)
		h.write(1, conflict.Write{Key: key("parent", 0), After: cells{a: "row", n: 5}.row("parent")}) // parts the row, of which no log tells
		h.region(1).arrive(0, h.tick())
		h.pass(1)
		h.region(1).checkpoint(true)
		h.region(1).restart()
		h.pass(1)
		h.ends()
	},
	"a row that is written all the time is kept small": func(t *testing.T) {
		h := begun(t, 3, put("parent", 0, ""), put("parent", 1, ""), put("kid", 1, "1"), put("toy", 1, "1"))
		for i := range 100 {
			h.write(2, later("kid", 1, "0"))
			h.write(2, put("kid", 1, "0"))
			if i == 30 {
				h.bring(2, 3)
			}
		}
		h.write(2, put("kid", 1, "1"))
		h.write(3, drop("parent", 0))
		h.bring(2, 1)
		h.bring(3, 1)
		if reg, _, _ := h.region(1).index.Get(key("kid", 1)); len(reg.Past) > 150 {
			t.Errorf("%d writes of a row are kept", len(reg.Past))
		}
		h.ends()
		h.stands(1, "toy", 1, false)
	},
}

// TestChains plays histories of families, most of them of rows in the middle of chains.
func TestChains(t *testing.T) {
	for name, play := range chainHistories {
		t.Run(name, play)
	}
}
