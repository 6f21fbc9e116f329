package simulation

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/octant-db/octant/conflict"
	"github.com/octant-db/octant/relay"
)

// cells is a row of any simulated table: two plain columns, a number, two columns with unique keys and one with a foreign
// key, which may be empty.
type cells struct {
	a, b string
	n    int
	u, w string
	p    string // of children: the number of their parent, if they have one
}

// key names a row: its table, which is also the name of its policy, and a number.
func key(table string, n int) conflict.Key { return conflict.Key(table + "/" + strconv.Itoa(n)) }

func tableOf(k conflict.Key) string {
	table, _, _ := strings.Cut(strings.TrimPrefix(string(k), unnamed), "/")
	return table
}

func (c cells) image() string { return fmt.Sprintf("%s|%s|%d|%s|%s|%s", c.a, c.b, c.n, c.u, c.w, c.p) }

func cellsOf(image string) cells {
	f := strings.Split(image, "|")
	n, err := strconv.Atoi(f[2])
	must(err)
	return cells{a: f[0], b: f[1], n: n, u: f[3], w: f[4], p: f[5]}
}

// unique lists the row's unique values as the engine takes them.
func (c cells) unique(table string) []string {
	if table == "torn" || table == "toy" || slices.Contains(Followers, table) {
		return nil // a row that one region alone has kept would be in the way of others there, or in that of what it has not
	}
	var list []string
	if c.u != "" {
		list = append(list, table+".u="+c.u)
	}
	if c.w != "" {
		list = append(list, table+".w="+c.w)
	}
	return list
}

func (c cells) row(table string) conflict.Row {
	return conflict.Row{Image: relay.Image(c.image()), Unique: c.unique(table), Parents: c.parents(table)}
}

// Schema says what the tables of a cluster are like.
type Schema interface {
	// Row reads a row of the table that a key belongs to.
	Row(k conflict.Key, image string) conflict.Row
	// Bereave is what a row becomes when a parent is deleted that it names.
	Bereave(k conflict.Key, row conflict.Row, parent string) (conflict.Row, error)
	// Rekeyed is how children name a row that was changed, and follow it.
	Rekeyed(c *conflict.Change) []conflict.Rekey
	// Follow is what a row becomes that follows a parent, and Heir under which name it does: see conflict.Engine.Follow.
	Follow(k conflict.Key, row conflict.Row, now *conflict.Rekey) (conflict.Row, error)
	Heir(parent string) string
	// Rival is the other name that a parent has in rows that can lose it in two ways; none for others.
	Rival(parent string) string
	// Left is how children name a row that was changed, and do not any more.
	Left(c *conflict.Change) []string
	// Rule is the rule of a row in a region; nil stands for the last writer wins.
	Rule(region relay.Region, k conflict.Key) *conflict.Rule
	// Refuses tells whether a region's database does not take a write of its relay.
	Refuses(region relay.Region, w *conflict.Write) bool
}

// mixture is the schema of histories: all tables have the same columns.
type mixture struct{}

func (mixture) Row(k conflict.Key, image string) conflict.Row {
	c, table := cellsOf(image), tableOf(k)
	return conflict.Row{Image: relay.Image(image), Unique: c.unique(table), Parents: c.parents(table), Children: childrenOf(k, c), Middle: table == "kid"}
}

func (mixture) Rule(_ relay.Region, k conflict.Key) *conflict.Rule { return rules(k) }

func (mixture) Refuses(relay.Region, *conflict.Write) bool { return false }

// rules gives every table the policy that it is named after. The regions with the largest ids are the most important ones.
func rules(k conflict.Key) *conflict.Rule {
	switch table := tableOf(k); table {
	case "priority":
		return &conflict.Rule{Policy: conflict.Priority, Ranks: []relay.Region{3, 2, 4}}
	case "timestamp":
		return &conflict.Rule{Policy: conflict.Timestamp, Moment: moment}
	case "merge":
		return &conflict.Rule{Policy: conflict.Merge, Replay: replay(table, merge)}
	case "counter":
		return &conflict.Rule{Policy: conflict.Counter, Replay: replay(table, count)}
	case "reject":
		return &conflict.Rule{Policy: conflict.Reject}
	case "rollback":
		return &conflict.Rule{Policy: conflict.Rollback}
	}
	return nil
}

// moment takes a row's number for its time, between those of the writes; odd numbers are none.
func moment(row conflict.Row) (relay.HLC, bool) {
	n := cellsOf(string(row.Image)).n
	return start + relay.HLC(n)*100_000, n%2 == 0
}

func replay(table string, how func(onto, before, after cells) cells) func(onto, before, after conflict.Row) (conflict.Row, error) {
	return func(onto, before, after conflict.Row) (conflict.Row, error) {
		c := how(cellsOf(string(onto.Image)), cellsOf(string(before.Image)), cellsOf(string(after.Image)))
		return c.row(table), nil
	}
}

// merge takes the columns that an update has changed.
func merge(onto, before, after cells) cells {
	if before.a != after.a {
		onto.a = after.a
	}
	if before.b != after.b {
		onto.b = after.b
	}
	if before.n != after.n {
		onto.n = after.n
	}
	if before.u != after.u {
		onto.u = after.u
	}
	if before.w != after.w {
		onto.w = after.w
	}
	return onto
}

// count adds what an update has added to the number, and takes the rest from it.
func count(onto, before, after cells) cells {
	n := onto.n + after.n - before.n
	onto = after
	onto.n = n
	return onto
}

// clashes are the rows that would share a unique value with one of the writes. Two writes that share one are both among them.
func (d *database) clashes(writes []conflict.Write) []conflict.Key {
	wants := make(map[string]conflict.Key)
	written := make(map[conflict.Key]bool)
	var found []conflict.Key
	for _, w := range writes {
		written[w.Key] = true
		for _, u := range w.After.Unique {
			if other, taken := wants[u]; taken && w.After.Exists() {
				found = append(found, other, w.Key)
			}
			if w.After.Exists() {
				wants[u] = w.Key
			}
		}
	}
	if len(wants) == 0 {
		return nil
	}
	for k := range d.rows {
		if !written[k] && slices.ContainsFunc(d.row(k).Unique, func(u string) bool { return wants[u] != "" }) {
			found = append(found, k)
		}
	}
	slices.Sort(found)
	return found
}

// without adds deletes of the rows that are in the way of the writes.
func (d *database) without(writes []conflict.Write) []conflict.Write {
	writes = slices.Clip(writes)
	for _, k := range d.clashes(writes) {
		writes = append(writes, conflict.Write{Key: k})
	}
	return writes
}
