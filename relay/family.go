package relay

import (
	"context"
	"slices"
	"strings"
)

// Family is a Target whose database's foreign keys change rows by themselves when a row is deleted that these refer to, or is given another key.
type Family interface {
	// Below returns the rows that stand in the database, as what is before a change, and refer to rows of table t with such images by foreign keys that
	// change them when those are deleted or given other keys.
	Below(ctx context.Context, t *Table, images []Image) ([]Change, error)
	// Heads tells whether any such foreign key refers to a table.
	Heads(ctx context.Context, table TableName) (bool, error)
}

// Tie is what a foreign key does to its own rows, the children, when their parent is deleted, or when it is given another key. One that does both is two ties.
type Tie struct {
	Child, Parent TableName
	Columns       []string // of Child
	Unset         bool     // the columns become NULL; otherwise the row goes too, or see Alone
	Rekeyed       bool     // it is about another key
	Follows       bool     // it is about another key, and rows get that: see Heir and Following
	Divided       bool     // rows go with a parent that is deleted, and let go of one that is given another key: see Rival
}

// Rival is the other tie of a foreign key that is divided.
func (t Tie) Rival() Tie {
	t.Rekeyed, t.Unset = !t.Rekeyed, !t.Unset
	return t
}

// Heir is the tie by which rows of the same foreign key get their parent's new key, whether there is one or not.
func (t Tie) Heir() Tie {
	return Tie{Child: t.Child, Parent: t.Parent, Columns: t.Columns, Rekeyed: true, Follows: true}
}

// follows is the action of a tie by which rows get their parent's new key.
const follows = "rekeyed follows"

// Follows tells whether what begins with a tie's name is about one by which rows get their parent's new key. It is asked for each parent of each row that is written, and does not take the name apart.
func Follows(text string) bool {
	_, behind, _ := strings.Cut(text, "\x01")
	return strings.HasPrefix(behind, follows+"\x01")
}

// Alone tells whether what becomes of children stays in its region: they get their parent's new key, and no region can do that for another one.
func (t Tie) Alone() bool { return t.Rekeyed && !t.Unset && !t.Follows }

// action is the word for what it does.
func (t Tie) action() string {
	switch {
	case t.Follows:
		return follows
	case t.Alone():
		return "rekeyed alone"
	case t.Divided && t.Rekeyed:
		return "divided rekeyed unset"
	case t.Divided:
		return "divided delete"
	case t.Rekeyed:
		return "rekeyed unset"
	case t.Unset:
		return "unset"
	}
	return "delete"
}

// Name tells ties apart: the same in every region, whatever the keys are called there.
func (t Tie) Name() string {
	return strings.Join([]string{
		t.Child.Schema + "." + t.Child.Table, t.action(), strings.Join(t.Columns, "\x02"), t.Parent.Schema + "." + t.Parent.Table, "",
	}, "\x01")
}

// ParseTie reads a tie from what begins with its name.
func ParseTie(text string) (Tie, bool) {
	parts := strings.SplitN(text, "\x01", 5)
	if len(parts) < 5 {
		return Tie{}, false
	}
	t := Tie{Columns: strings.Split(parts[2], "\x02"), Unset: strings.HasSuffix(parts[1], "unset"), Rekeyed: strings.Contains(parts[1], "rekeyed")}
	t.Divided, t.Follows = strings.HasPrefix(parts[1], "divided"), strings.HasSuffix(parts[1], "follows")
	t.Child.Schema, t.Child.Table, _ = strings.Cut(parts[0], ".")
	t.Parent.Schema, t.Parent.Table, _ = strings.Cut(parts[3], ".")
	return t, t.Child.Table != "" && t.action() == parts[1]
}

// Following tells which of a database's ties that would be Alone can be done in every region: the same everywhere, if the definitions are. Referenced are the columns of the parent that each of them refers
// to, and keyed tells whether a column is part of a primary or unique key. Rows by whose key others know them do not follow, nor do those that share columns with other foreign keys
// that change them, nor any beside tables in the middle of chains.
func Following(ties []Tie, referenced [][]string, keyed func(table TableName, column string) bool) []bool {
	can := make([]bool, len(ties))
	for i, k := range ties {
		can[i] = k.Alone() && !middle(ties, k.Child) && !middle(ties, k.Parent) &&
			!slices.ContainsFunc(k.Columns, func(c string) bool { return keyed(k.Child, c) || entangled(ties, referenced, &k, c) })
	}
	return can
}

// middle tells whether rows of a table can be taken, or parted from what they refer to, and take others with them.
func middle(ties []Tie, table TableName) bool {
	return slices.ContainsFunc(ties, func(k Tie) bool { return k.Child == table && !k.Alone() }) &&
		slices.ContainsFunc(ties, func(k Tie) bool { return k.Parent == table && !k.Rekeyed })
}

// entangled tells whether a column of a tie is another foreign key's too, or is referred to.
func entangled(ties []Tie, referenced [][]string, k *Tie, column string) bool {
	for i := range ties {
		x := &ties[i]
		same := x.Parent == k.Parent && slices.Equal(x.Columns, k.Columns)
		if x.Child == k.Child && !same && slices.Contains(x.Columns, column) || x.Parent == k.Child && slices.Contains(referenced[i], column) {
			return true
		}
	}
	return false
}
