package ddl

import (
	"fmt"
	"strings"

	"github.com/octant-db/octant/protocol/postgres/connect"
	"github.com/octant-db/octant/relay"
)

// Step is a statement that does in another region what was done.
type Step struct {
	As      string    // the role that shall own what is made; "": the relay's own
	SQL     string    // one statement
	Publish *Relation // a table that was made, and whose rows are to be in the log
}

// Place is where a definition is brought to.
type Place struct {
	Here         func(Relation) (*Picture, error) // what stands there under a name; nil: nothing
	Origin, Self relay.Region                     // where it was made, and where it is made now
}

// Plan returns what is to be done in another region, nothing if that is so already. left says why it is left to people. Errors are those of Here.
func (n *Noted) Plan(at Place) (steps []Step, left string, err error) {
	if v := n.Judge(); v.Nothing || v.Definition.Reason != "" {
		return nil, v.Definition.Reason, nil
	}
	if n.Tag == "CREATE SCHEMA" {
		return []Step{{SQL: "CREATE SCHEMA IF NOT EXISTS " + connect.Identifier(n.Name) + " AUTHORIZATION " + connect.Identifier(n.Owner)}}, "", nil
	}
	if len(n.Dropped) > 0 {
		return n.planDrop(at)
	}
	here, err := at.Here(n.After.relation())
	if err != nil {
		return nil, "", err
	}
	switch n.Tag {
	case "CREATE TABLE", "CREATE TABLE AS", "SELECT INTO":
		return n.planTable(at, here)
	case "CREATE INDEX":
		return n.planIndex(here)
	case "CREATE VIEW":
		return n.planView(here)
	}
	if here == nil {
		return nil, "it is not here", nil
	}
	if n.Tag == "COMMENT" {
		return n.planComment(here)
	}
	return n.planAlter(here)
}

func (n *Noted) planTable(at Place, here *Picture) ([]Step, string, error) {
	switch {
	case here != nil && here.Kind != n.After.Kind:
		return nil, "something else has its name here", nil
	case here != nil:
		return nil, "", nil // each region keeps its own
	}
	sql, left := n.After.create(at)
	if left != "" {
		return nil, left, nil
	}
	s := Step{As: n.After.Owner, SQL: sql}
	if n.After.Bound == "" {
		name := n.After.relation()
		s.Publish = &name
	}
	return []Step{s}, "", nil
}

// create is CREATE TABLE as the picture says.
func (p *Picture) create(at Place) (sql, left string) {
	var b strings.Builder
	b.WriteString("CREATE TABLE " + p.relation().quoted())
	if p.Bound != "" {
		b.WriteString(" PARTITION OF " + p.Parents[0].quoted() + " " + p.Bound)
	} else {
		var parts []string
		for i := range p.Columns {
			text, left := p.Columns[i].create(at)
			if left != "" {
				return "", left
			}
			parts = append(parts, text)
		}
		for _, c := range p.Constraints {
			parts = append(parts, "CONSTRAINT "+connect.Identifier(c.Name)+" "+c.Definition)
		}
		b.WriteString(" (" + strings.Join(parts, ", ") + ")")
	}
	if p.PartitionKey != "" {
		b.WriteString(" PARTITION BY " + p.PartitionKey)
	}
	b.WriteString(with(p.Options))
	return b.String(), ""
}

// create is a column's definition. The numbers of an identity column are other ones in each region.
func (c *Column) create(at Place) (sql, left string) {
	sql = connect.Identifier(c.Name) + " " + c.Type
	if c.Collation != "" {
		sql += " COLLATE " + c.Collation
	}
	switch {
	case c.Generated == "s":
		sql += " GENERATED ALWAYS AS (" + c.Default + ") STORED"
	case c.Generated != "":
		sql += " GENERATED ALWAYS AS (" + c.Default + ") VIRTUAL"
	case c.Default != "":
		sql += " DEFAULT " + c.Default
	}
	if c.Identity != "" {
		if int64(at.Origin) > c.Increment || int64(at.Self) > c.Increment {
			return "", fmt.Sprintf("column %s: its numbers go up by %d, and region ids beyond that would give the same ones: make it here with numbers of its own", c.Name, c.Increment)
		}
		when := "BY DEFAULT"
		if c.Identity == "a" {
			when = "ALWAYS"
		}
		sql += fmt.Sprintf(" GENERATED %s AS IDENTITY (START WITH %d INCREMENT BY %d)", when, c.startAt(at), c.Increment)
	}
	if c.NotNull {
		sql += " NOT NULL"
	}
	return sql, ""
}

// startAt has as many steps between two regions' numbers as there are between their ids.
func (c *Column) startAt(at Place) int64 {
	start := c.Start + int64(at.Self) - int64(at.Origin)
	if start < 1 && c.Start >= 1 {
		start += c.Increment
	}
	return start
}

// with is the clause of storage parameters, which the catalog has as name=value.
func with(options []string) string {
	if len(options) == 0 {
		return ""
	}
	parts := make([]string, len(options))
	for i, option := range options {
		name, value, _ := strings.Cut(option, "=")
		parts[i] = name + " = " + connect.Literal(value)
	}
	return " WITH (" + strings.Join(parts, ", ") + ")"
}

func (n *Noted) planIndex(here *Picture) ([]Step, string, error) {
	switch {
	case here != nil && here.On != n.After.On:
		return nil, "something else has its name here", nil
	case here != nil:
		return nil, "", nil
	}
	sql := n.After.Definition
	if n.After.Kind == "I" { // the catalog shows that of a partitioned table without its partitions
		for _, name := range []string{n.After.Name, connect.Identifier(n.After.Name)} {
			if rest, ok := strings.CutPrefix(sql, "CREATE INDEX "+name+" ON ONLY "); ok {
				sql = "CREATE INDEX " + name + " ON " + rest
			}
		}
	}
	return []Step{{SQL: sql}}, "", nil
}

func (n *Noted) planView(here *Picture) ([]Step, string, error) {
	switch {
	case here != nil && here.Kind != "v":
		return nil, "something else has its name here", nil
	case here != nil && n.Before == nil:
		return nil, "", nil // each region keeps its own
	}
	names := make([]string, len(n.After.Columns))
	for i := range names {
		names[i] = connect.Identifier(n.After.Columns[i].Name)
	}
	sql := "CREATE OR REPLACE VIEW " + n.After.relation().quoted() + " (" + strings.Join(names, ", ") + ")" + with(n.After.Options) + " AS " + n.After.Definition
	return []Step{{As: n.After.Owner, SQL: sql}}, "", nil
}

// commentable are the words of COMMENT ON, by pg_class.relkind.
var commentable = map[string]string{"r": "TABLE ", "p": "TABLE ", "v": "VIEW ", "i": "INDEX ", "I": "INDEX "}

func (n *Noted) planComment(here *Picture) ([]Step, string, error) {
	text := "NULL"
	if n.Comment != nil {
		text = connect.Literal(*n.Comment)
	}
	on := commentable[here.Kind] + here.relation().quoted()
	if n.Column != "" {
		on = "COLUMN " + here.relation().quoted() + "." + connect.Identifier(n.Column)
	}
	return []Step{{SQL: "COMMENT ON " + on + " IS " + text}}, "", nil
}

func (n *Noted) planDrop(at Place) ([]Step, string, error) {
	var names []string
	for i := range n.Dropped {
		p := n.Dropped[i].Before
		here, err := at.Here(p.relation())
		switch {
		case err != nil:
			return nil, "", err
		case here == nil:
		case here.Kind != p.Kind:
			return nil, "something else has its name here", nil
		case here.Unique:
			return nil, "the index is unique here: drop it by hand", nil
		default:
			names = append(names, p.relation().quoted())
		}
	}
	if len(names) == 0 {
		return nil, "", nil
	}
	return []Step{{SQL: n.Tag + " " + strings.Join(names, ", ")}}, "", nil
}

func (n *Noted) planAlter(here *Picture) ([]Step, string, error) {
	changes, _ := compareColumns(n.Before, n.After)
	var parts []string
	for _, c := range changes {
		part, left := c.alter(here.named(c.column.Name))
		if left != "" {
			return nil, "column " + c.column.Name + " " + left, nil
		}
		parts = append(parts, part...)
	}
	if len(parts) == 0 {
		return nil, "", nil
	}
	return []Step{{SQL: "ALTER TABLE " + here.relation().quoted() + " " + strings.Join(parts, ", ")}}, "", nil
}

// alter returns what is still to be done to a column, as it is here; nil: it is not here.
func (c change) alter(here *Column) (parts []string, left string) {
	name := connect.Identifier(c.column.Name)
	switch {
	case c.added && here == nil:
		text, left := c.column.create(Place{})
		return []string{"ADD COLUMN " + text}, left
	case c.added && here.Type != c.column.Type && !Widens(c.column.Type, here.Type):
		return nil, fmt.Sprintf("is %s there and %s here: make the definitions equal", c.column.Type, here.Type)
	case c.added:
		return nil, ""
	case here == nil:
		return nil, "is not here: add it"
	case c.wider && Widens(here.Type, c.column.Type):
		text := "ALTER COLUMN " + name + " TYPE " + c.column.Type
		if c.column.Collation != "" {
			text += " COLLATE " + c.column.Collation
		}
		parts = append(parts, text)
	case c.wider && here.Type != c.column.Type && !Widens(c.column.Type, here.Type):
		return nil, fmt.Sprintf("is %s there and %s here: make the definitions equal", c.column.Type, here.Type)
	}
	if c.nulls && here.NotNull {
		parts = append(parts, "ALTER COLUMN "+name+" DROP NOT NULL")
	}
	return parts, ""
}
