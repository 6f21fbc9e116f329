package simulation

import (
	"strconv"
	"testing"

	"github.com/octant-db/octant/conflict"
	"github.com/octant-db/octant/relay"
)

// What children do that follow their parents to other keys, told step by step. TestFollowers plays them for each mutation, too.
var followerHistories = map[string]func(t *testing.T){
	"a change of key takes children along that everybody has forgotten": func(t *testing.T) {
		h := led(t, 3, lead(1, 7), mate(1, 7), mate(2, 8))
		h.write(1, lead(1, 9))
		h.refers("mate", 1, 9)
		h.refers("mate", 2, 8)
		h.silent()
	},
	"it takes those along that were written by somebody who did not know of it": func(t *testing.T) {
		h := led(t, 3, lead(1, 7), mate(1, 7))
		h.write(1, lead(1, 9))
		h.write(2, mate(1, 7, "written"), mate(2, 7))
		h.refers("mate", 1, 9)
		h.refers("mate", 2, 9)
		h.silent()
	},
	"what is written after it stands where it was put": func(t *testing.T) {
		h := led(t, 3, lead(1, 7))
		h.write(1, lead(1, 9), lead(2, 7), mate(1, 7))
		h.bring(1, 2)
		h.write(2, mate(2, 7))
		h.refers("mate", 1, 7)
		h.refers("mate", 2, 7)
	},
	"of two changes at a time the later one counts, and who made one says that children may differ": func(t *testing.T) {
		h := led(t, 3, lead(1, 7), mate(1, 7))
		h.write(2, mate(2, 7))
		h.write(1, lead(1, 9))
		h.write(2, lead(1, 8))
		h.bring(2, 3)
		h.refers("mate", 2, 8)
		h.ends()
		h.told(1, true)
		h.told(2, true)
		h.told(3, false)
	},
	"a deletion takes what stood there for its author": func(t *testing.T) {
		h := led(t, 3, lead(1, 7), mate(1, 7), pal(1, 7))
		h.write(1, lead(1, 9))
		h.write(2, drop("parent", 1))
		h.bring(1, 3)
		h.bring(2, 3)
		h.stands(3, "mate", 1, false)
		h.ends()
		h.told(1, true)
		h.told(3, false)
	},
	"a deletion of the former key spares what has left it for its author": func(t *testing.T) {
		h := led(t, 2, lead(1, 7), mate(1, 7))
		h.write(1, lead(1, 9))
		h.bring(1, 2)
		h.write(2, lead(2, 7))
		h.write(2, drop("parent", 2))
		h.refers("mate", 1, 9)
		h.silent()
	},
	"a deletion comes before the change that it had seen": func(t *testing.T) {
		h := led(t, 3, lead(1, 7), mate(1, 7), pal(1, 7))
		h.write(1, lead(1, 9))
		h.bring(1, 2)
		h.write(2, drop("parent", 1))
		h.bring(2, 3)
		h.bring(1, 3)
		h.agree("mate", 1, false)
		h.ends()
	},
	"a change comes before the one that it had seen": func(t *testing.T) {
		h := led(t, 3, lead(1, 7), mate(1, 7))
		h.write(1, lead(1, 9))
		h.bring(1, 2)
		h.write(2, lead(1, 8))
		h.bring(2, 3)
		h.bring(1, 3)
		h.refers("mate", 1, 8)
		h.silent()
	},
	"two parents swap their keys in one transaction": func(t *testing.T) {
		h := led(t, 3, lead(1, 7), lead(2, 8), mate(1, 7), mate(2, 8))
		h.write(2, mate(3, 7))
		h.write(1, lead(1, 0), lead(2, 7), lead(1, 8))
		h.refers("mate", 1, 8)
		h.refers("mate", 2, 7)
		h.refers("mate", 3, 8)
		must(h.c.folded())
		h.told(1, false)
	},
	"what was found after a swap is not sent through it again": func(t *testing.T) {
		h := led(t, 3, lead(1, 7), lead(2, 8), mate(1, 7))
		h.write(1, lead(1, 0), lead(2, 7), lead(1, 8))
		h.bring(1, 2)
		h.write(2, lead(1, 5))
		h.refers("mate", 1, 5)
		h.silent()
	},
	"children go away and come back in one mark, and another end has not seen it": func(t *testing.T) {
		h := led(t, 4, lead(1, 7), mate(1, 7))
		h.write(2, lead(1, 8))
		h.write(1, lead(1, 9))
		h.write(1, lead(1, 7))
		h.bring(1, 3)
		h.bring(2, 3)
		h.refers("mate", 1, 7)
		h.ends()
		h.told(3, false)
	},
	"others have come since to where children had come back": func(t *testing.T) {
		h := led(t, 3, lead(1, 7), lead(2, 8), mate(2, 8))
		h.write(1, lead(1, 9))
		h.write(1, lead(1, 7))
		h.bring(1, 3)
		h.write(1, lead(1, 6))
		h.bring(1, 3)
		h.write(3, lead(2, 7))
		h.bring(1, 2)
		h.bring(3, 2)
		h.write(2, lead(2, 5))
		h.bring(2, 3)
		h.refers("mate", 2, 5)
		h.silent()
	},
	"a change is on its way when the relay dies": func(t *testing.T) {
		h := led(t, 3, lead(1, 7), mate(1, 7))
		h.save()
		h.write(1, lead(1, 9))
		h.apply(1, 2)
		h.region(2).restart()
		h.write(3, mate(2, 7))
		h.apply(3, 2)
		h.pass(2)
		h.region(2).checkpoint(true)
		h.region(2).restart()
		h.refers("mate", 1, 9)
		h.refers("mate", 2, 9)
		h.silent()
	},
	"a change finds children that have come there from elsewhere, which its author had not seen": func(t *testing.T) {
		h := led(t, 3, lead(1, 7), lead(2, 8), mate(2, 8))
		h.write(1, drop("parent", 1))
		h.write(1, lead(2, 7))
		h.write(2, lead(1, 5))
		h.ends()
		h.told(1, true)
		h.told(3, false)
	},
	"of one transaction's changes of one key each counts": func(t *testing.T) {
		h := led(t, 3, lead(1, 7), lead(2, 8), mate(1, 7), mate(2, 8))
		h.write(1, lead(1, 9), lead(2, 7), lead(2, 6))
		h.refers("mate", 1, 9)
		h.refers("mate", 2, 6)
	},
}

// TestFollowers plays them.
func TestFollowers(t *testing.T) {
	for name, play := range followerHistories {
		t.Run(name, play)
	}
}

// led is a history of several regions in which some rows stand that everybody has forgotten.
func led(t *testing.T, regions int, rows ...conflict.Write) *directed {
	h := &directed{t, New(Options{Seed: 1, Regions: regions, Keys: 9, Families: Followers})}
	h.forget(rows...)
	return h
}

// lead is a write of a parent with a number; mate and pal are of rows that refer to one.
func lead(n, number int) conflict.Write {
	return conflict.Write{Key: key("parent", n), After: cells{a: "row", n: number}.row("parent")}
}

func mate(n, number int, text ...string) conflict.Write { return follower("mate", n, number, text) }

func pal(n, number int, text ...string) conflict.Write { return follower("pal", n, number, text) }

func follower(table string, n, number int, text []string) conflict.Write {
	c := cells{a: "row", p: strconv.Itoa(number)}
	if len(text) > 0 {
		c.a = text[0]
	}
	return conflict.Write{Key: key(table, n), After: c.row(table)}
}

// refers demands that in the end a row refers to a number in all regions, but for those that have said that it may not.
func (h *directed) refers(table string, n, number int) {
	h.t.Helper()
	h.level()
	for _, r := range h.c.regions {
		if is := r.db.row(key(table, n)); len(r.torn) == 0 && (!is.Exists() || cellsOf(string(is.Image)).p != strconv.Itoa(number)) {
			h.t.Errorf("in region %d row %d of %s is %q, and should refer to %d", r.id, n, table, is.Image, number)
		}
	}
}

// told demands that a region has said that children may differ there, or that it has not.
func (h *directed) told(id relay.Region, want bool) {
	h.t.Helper()
	if is := len(h.region(id).torn) > 0; is != want {
		h.t.Errorf("region %d has said that rows may differ there: %v", id, is)
	}
}

// silent demands that all is as it should be in the end, and that nobody has had to say otherwise.
func (h *directed) silent() {
	h.t.Helper()
	h.ends()
	for _, r := range h.c.regions {
		h.told(r.id, false)
	}
}
