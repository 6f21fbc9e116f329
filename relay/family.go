package relay

import (
	"context"
	"strings"
)

// Family is a Target whose database's foreign keys change rows by themselves when a row is deleted that these refer to.
type Family interface {
	// Below returns the rows that stand in the database, as what is before a change, and refer to rows of table t with such images by foreign keys that
	// change them when those are deleted.
	Below(ctx context.Context, t *Table, images []Image) ([]Change, error)
}

// Tie is a foreign key that changes its own rows, the children, when their parent is deleted.
type Tie struct {
	Child, Parent TableName
	Columns       []string // of Child
	Unset         bool     // the columns become NULL; otherwise the row goes too
}

// Name tells ties apart: the same in every region, whatever the keys are called there.
func (t Tie) Name() string {
	action := "delete"
	if t.Unset {
		action = "unset"
	}
	return strings.Join([]string{
		t.Child.Schema + "." + t.Child.Table, action, strings.Join(t.Columns, "\x02"), t.Parent.Schema + "." + t.Parent.Table, "",
	}, "\x01")
}

// ParseTie reads a tie from what begins with its name.
func ParseTie(text string) (Tie, bool) {
	parts := strings.SplitN(text, "\x01", 5)
	if len(parts) < 5 {
		return Tie{}, false
	}
	t := Tie{Columns: strings.Split(parts[2], "\x02"), Unset: parts[1] == "unset"}
	t.Child.Schema, t.Child.Table, _ = strings.Cut(parts[0], ".")
	t.Parent.Schema, t.Parent.Table, _ = strings.Cut(parts[3], ".")
	return t, t.Child.Table != "" && (t.Unset || parts[1] == "delete")
}
