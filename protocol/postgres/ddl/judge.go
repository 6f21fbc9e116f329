package ddl

import (
	"slices"
	"strings"

	"github.com/octant-db/octant/relay"
)

// Verdict is what becomes of what was done.
type Verdict struct {
	Definition relay.Definition
	Nothing    bool // it concerns its own region alone
}

// The reasons.
const (
	noKind         = "it is none of the definitions that are carried"
	uniqueIndex    = "it makes a unique index, which rows of different regions may not fit into: look for duplicates first"
	condition      = "it adds a condition that rows of other regions may not meet, or a key"
	formerName     = "rows that other regions write meanwhile have the former name: stop writing to the table first"
	takesAway      = "it takes something away that rows of other regions may still have"
	changesColumn  = "it changes a column in a way that rows which are on their way may not fit: stop writing to the table, run it everywhere, and go on"
	changesDefault = "it changes a default, which rows of regions without the column would have: run it everywhere"
	concurrently   = "it was run CONCURRENTLY, because writers must not wait: run it in the same way in every region"
	ownRegion      = "they belong to their region. What they write is carried as rows"
)

// Judge finds out whether what was done is carried to other regions.
func (n *Noted) Judge() Verdict {
	v := Verdict{Definition: relay.Definition{Verb: n.Tag, Subject: n.subject(), Tables: n.tables()}}
	v.Definition.Reason, v.Nothing = n.judge()
	return v
}

// subject names what it was about.
func (n *Noted) subject() string {
	switch {
	case n.After != nil && n.After.On.Table != "":
		return n.After.On.Schema + "." + n.After.On.Table
	case n.After != nil:
		return n.After.Schema + "." + n.After.Name
	case len(n.Dropped) > 0:
		return n.Dropped[0].Identity
	case n.Identity != "":
		return n.Identity
	}
	return n.Tag
}

// tables names all that it was about. Of objects that are no relations it is their schema.
func (n *Noted) tables() []relay.TableName {
	var list []relay.TableName
	add := func(schema, table string) {
		if name := (relay.TableName{Schema: schema, Table: table}); schema != "" && !slices.Contains(list, name) {
			list = append(list, name)
		}
	}
	picture := func(p *Picture) {
		switch {
		case p == nil:
		case p.On.Table != "":
			add(p.On.Schema, p.On.Table)
		default:
			add(p.Schema, p.Name)
			for _, parent := range p.Parents {
				add(parent.Schema, parent.Table)
			}
		}
	}
	picture(n.Before)
	picture(n.After)
	for i := range n.Dropped {
		d := &n.Dropped[i]
		if picture(d.Before); d.Before == nil {
			add(schemaOf(d), "")
		}
	}
	switch {
	case len(list) > 0:
	case n.Name != "":
		add(n.Name, "")
	default:
		add(n.Schema, "")
	}
	return list
}

func schemaOf(d *Dropped) string {
	if d.Type == "schema" {
		return d.Name
	}
	return d.Schema
}

// judge returns why it is not carried, "" if it is.
func (n *Noted) judge() (reason string, nothing bool) {
	switch {
	case n.Failed != "":
		return "the event trigger could not tell what it does: " + n.Failed, false
	case n.Concurrently && (n.Tag == "CREATE INDEX" || n.Tag == "DROP INDEX"):
		return concurrently, false
	}
	switch n.Tag {
	case "CREATE SCHEMA":
		return "", false
	case "CREATE TABLE", "CREATE TABLE AS", "SELECT INTO":
		return n.createTable(), false
	case "ALTER TABLE", "ALTER VIEW", "ALTER INDEX":
		return n.alter()
	case "CREATE INDEX":
		return n.createIndex(), false
	case "CREATE VIEW":
		return n.createView(), false
	case "COMMENT":
		return n.commented()
	case "DROP VIEW", "DROP INDEX":
		return n.drop(), false
	}
	return refused(n.Tag), false
}

// refused are the reasons of what is never carried.
func refused(tag string) string {
	switch tag {
	case "DROP TABLE", "DROP SCHEMA", "DROP OWNED":
		return "rows that other regions write meanwhile would be lost: stop writing first, wait until octant.peers shows no lag, and run it in every region"
	case "CREATE EXTENSION", "ALTER EXTENSION", "DROP EXTENSION":
		return "extensions are installed in each region, with the version that its server has"
	case "CREATE SEQUENCE", "ALTER SEQUENCE", "DROP SEQUENCE":
		return "each region gives its own numbers: make it there with another START"
	case "CREATE MATERIALIZED VIEW", "ALTER MATERIALIZED VIEW", "DROP MATERIALIZED VIEW":
		return "each region fills its own: make it there"
	}
	for _, word := range []string{"TRIGGER", "FUNCTION", "PROCEDURE", "ROUTINE", "RULE", "POLICY"} {
		if strings.HasSuffix(tag, " "+word) {
			return ownRegion
		}
	}
	return noKind
}

func (n *Noted) createTable() string {
	p := n.After
	switch {
	case p == nil || p.Kind != "r" && p.Kind != "p", p.Bound != "" && len(p.Parents) == 0:
		return noKind
	case p.Persistence != "p":
		return "it is UNLOGGED, and its rows are in no log"
	case p.Typed, p.Bound == "" && len(p.Parents) > 0:
		return "it takes its columns from another table or type: make it in each region"
	case !p.keyed():
		return "it has no primary key, and its rows are not replicated: say PRIMARY KEY in CREATE TABLE, or make it in each region"
	case p.Bound != "":
		return ""
	}
	for i := range p.Columns {
		c := &p.Columns[i]
		switch {
		case c.Identity != "" && c.Increment < 2:
			return "column " + c.Name + ": regions would give the same numbers: say GENERATED … AS IDENTITY (INCREMENT BY n), n not below the greatest region id, or make it in each region"
		case c.Generated == "" && strings.HasPrefix(c.Default, "nextval("):
			return "column " + c.Name + ": its sequence is another object: say GENERATED … AS IDENTITY (INCREMENT BY n), or make it in each region"
		}
	}
	return ""
}

func (n *Noted) createIndex() string {
	switch p := n.After; {
	case p == nil || p.Definition == "":
		return noKind
	case p.Unique:
		return uniqueIndex
	case p.Invalid:
		return "the index is not finished"
	}
	return ""
}

func (n *Noted) createView() string {
	if p := n.After; p == nil || p.Kind != "v" || p.Definition == "" {
		return noKind
	}
	return ""
}

// commented: comments of other things than these are each region's own.
func (n *Noted) commented() (reason string, nothing bool) {
	return "", n.After == nil || !slices.Contains([]string{"r", "p", "v", "i", "I"}, n.After.Kind)
}

func (n *Noted) drop() string {
	if len(n.Dropped) == 0 {
		return noKind
	}
	for i := range n.Dropped {
		switch p := n.Dropped[i].Before; {
		case p == nil:
			return noKind
		case p.Unique:
			return "the index is unique, and tells regions which rows cannot stand side by side: drop it everywhere while nobody writes to the table"
		}
	}
	return ""
}
