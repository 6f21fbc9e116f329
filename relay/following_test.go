package relay_test

import (
	"slices"
	"testing"

	"github.com/octant-db/octant/relay"
)

// TestFollowing: rows follow their parents to other keys but for those by whose key others know them, that share columns with other foreign keys, or that are beside a chain.
func TestFollowing(t *testing.T) {
	name := func(table string) relay.TableName { return relay.TableName{Schema: "app", Table: table} }
	alone := func(child, parent string, columns ...string) relay.Tie {
		return relay.Tie{Child: name(child), Parent: name(parent), Columns: columns, Rekeyed: true}
	}
	goes := func(child, parent string, columns ...string) relay.Tie {
		return relay.Tie{Child: name(child), Parent: name(parent), Columns: columns}
	}
	id := []string{"id"}
	cases := map[string]struct {
		ties []relay.Tie
		want bool // of the first
	}{
		"by itself":                            {[]relay.Tie{alone("c", "p", "v")}, true},
		"it goes with its parent, too":         {[]relay.Tie{alone("c", "p", "v"), goes("c", "p", "v")}, true},
		"what it is known by is not changed":   {[]relay.Tie{alone("c", "p", "v"), alone("d", "c", "w")}, true},
		"part of a key":                        {[]relay.Tie{alone("c", "p", "key")}, false},
		"a column of another foreign key":      {[]relay.Tie{alone("c", "p", "v"), goes("c", "q", "u", "v")}, false},
		"a row in a chain":                     {[]relay.Tie{alone("c", "p", "v"), goes("c", "p", "v"), goes("d", "c", "w")}, false},
		"a row below one in a chain":           {[]relay.Tie{alone("c", "p", "v"), goes("c", "p", "v"), goes("p", "q", "w")}, false},
		"a deletion, which nothing can follow": {[]relay.Tie{goes("c", "p", "v")}, false},
	}
	for what, c := range cases {
		t.Run(what, func(t *testing.T) {
			referenced := slices.Repeat([][]string{id}, len(c.ties))
			keyed := func(_ relay.TableName, column string) bool { return column == "id" || column == "key" }
			if is := relay.Following(c.ties, referenced, keyed)[0]; is != c.want {
				t.Errorf("it follows: %v", is)
			}
		})
	}
	referenced := [][]string{id, {"v"}}
	if relay.Following([]relay.Tie{alone("c", "p", "v"), alone("d", "c", "w")}, referenced, func(relay.TableName, string) bool { return false })[0] {
		t.Error("a row follows although others would have to follow it")
	}
}

// TestHeir: the name by which rows follow is found from each name that they have for a parent, and read again.
func TestHeir(t *testing.T) {
	tie := relay.Tie{Child: relay.TableName{Schema: "app", Table: "c"}, Parent: relay.TableName{Schema: "app", Table: "p"}, Columns: []string{"a", "b"}}
	heir, ok := relay.ParseTie(tie.Heir().Name() + "value")
	if !ok || !heir.Follows || !heir.Rekeyed || heir.Alone() || heir.Name() != heir.Heir().Name() || !slices.Equal(heir.Columns, tie.Columns) {
		t.Errorf("%+v, %v", heir, ok)
	}
	for _, other := range []relay.Tie{tie, {Child: tie.Child, Parent: tie.Parent, Columns: tie.Columns, Rekeyed: true}, {Child: tie.Child, Parent: tie.Parent, Columns: []string{"rekeyed follows"}, Unset: true}} {
		if relay.Follows(other.Name() + "value") {
			t.Errorf("rows follow by %q", other.Name())
		}
	}
	if !relay.Follows(heir.Name()+"value") || relay.Follows("") || relay.Follows("rekeyed follows\x01") {
		t.Error("what begins with a name by which rows follow is not told from what does not")
	}
}
