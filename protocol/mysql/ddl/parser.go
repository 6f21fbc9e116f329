package ddl

import (
	"slices"
	"strings"
)

// parser finds out what a definition does. Its functions return why it is not carried, "" if it is.
type parser struct {
	reader
	s      *Statement
	schema string
}

// parsers read a definition from the word after its first one on, by its verb.
var parsers = map[string]func(*parser) string{
	"CREATE TABLE": (*parser).createTable, "CREATE INDEX": (*parser).createIndex, "CREATE VIEW": (*parser).createView,
	"CREATE DATABASE": (*parser).createSchema, "CREATE SCHEMA": (*parser).createSchema,
	"ALTER TABLE": (*parser).alterTable, "DROP INDEX": (*parser).dropIndex, "DROP VIEW": (*parser).dropView,
	"RENAME TABLE": (*parser).renameTable,
}

func (p *parser) effect(kind EffectKind, on Name, object string) {
	p.s.Effects = append(p.s.Effects, Effect{Kind: kind, On: on, Object: object})
}

// about notes what the definition is about.
func (p *parser) about(n Name) Name {
	p.s.Tables = append(p.s.Tables, n)
	return n
}

func (p *parser) createSchema() string {
	if !p.word("DATABASE") && !p.word("SCHEMA") {
		return "it replaces a database"
	}
	p.skip("IF", "NOT", "EXISTS")
	p.effect(SchemaStands, Name{Schema: p.Next().Text}, "")
	return ""
}

func (p *parser) createTable() string {
	if !p.word("TABLE") {
		return "it replaces a table, and with it its rows"
	}
	p.skip("IF", "NOT", "EXISTS")
	p.effect(TableStands, p.about(p.name(p.schema)), "")
	return ""
}

func (p *parser) createIndex() string {
	if !p.word("INDEX") && !p.words("FULLTEXT", "INDEX") && !p.words("SPATIAL", "INDEX") {
		return uniqueIndex
	}
	p.skip("IF", "NOT", "EXISTS")
	index := p.Next().Text
	p.skipTo("ON")
	on := p.about(p.name(p.schema))
	if p.peek().Text != "(" {
		return noKind
	}
	p.effect(IndexStands, on, index)
	return ""
}

const uniqueIndex = "it makes a unique index, which rows of different regions may not fit into: look for duplicates first"

func (p *parser) dropIndex() string {
	if !p.word("INDEX") {
		return noKind
	}
	p.skip("IF", "EXISTS")
	index := p.Next().Text
	if !p.word("ON") {
		return noKind
	}
	p.effect(IndexGone, p.about(p.name(p.schema)), index)
	return ""
}

// createView takes CREATE [OR REPLACE] … VIEW name [(columns)] AS SELECT …: the servers keep a comment only behind that SELECT.
func (p *parser) createView() string {
	replaces := p.words("OR", "REPLACE")
	p.skipTo("VIEW")
	p.skip("IF", "NOT", "EXISTS")
	on := p.about(p.name(p.schema))
	if viewBody(p.Rest) == 0 {
		return "its query does not begin with SELECT"
	}
	if replaces {
		p.effect(Replaced, on, "")
	} else {
		p.effect(TableStands, on, "")
	}
	return ""
}

// viewBody returns where, after a view's name, its query's first SELECT ends; 0 if it does not begin with one.
func viewBody(rest []byte) int {
	w := reader{Words{Rest: rest}}
	for range 4096 {
		switch word := w.Next(); {
		case word.Text == "" && !word.Quoted:
			return 0
		case word.Upper() == "AS":
			if !w.word("SELECT") {
				return 0
			}
			return len(rest) - len(w.Rest)
		}
	}
	return 0
}

func (p *parser) dropView() string {
	if !p.word("VIEW") {
		return noKind
	}
	p.skip("IF", "EXISTS")
	for {
		p.effect(TableGone, p.about(p.name(p.schema)), "")
		if !p.word(",") {
			return ""
		}
	}
}

// renameTable notes what is renamed. It is not carried: the rows that other regions write meanwhile are those of the former name.
func (p *parser) renameTable() string {
	p.skip("TABLE", "TABLES")
	p.skip("IF", "EXISTS")
	for {
		p.about(p.name(p.schema))
		if !p.word("TO") {
			return noKind
		}
		p.about(p.name(p.schema))
		if !p.word(",") {
			break
		}
	}
	if slices.ContainsFunc(p.s.Tables, func(n Name) bool { return Shadow(n.Table) }) {
		return "it ends an online schema change of this region: make the same change in every region, with the same tool or without"
	}
	return "rows that other regions write meanwhile have the former name: stop writing to the table first"
}

// Shadow tells by its name whether a table is one that a tool for online schema changes makes beside the real one: gh-ost's _t_gho, _t_ghc and
// _t_del, pt-online-schema-change's _t_new and _t_old. Their rows are those of the real table once more.
func Shadow(table string) bool {
	if !strings.HasPrefix(table, "_") {
		return false
	}
	for _, end := range [...]string{"_gho", "_ghc", "_del", "_new", "_old"} {
		if len(table) > 1+len(end) && strings.HasSuffix(table, end) {
			return true
		}
	}
	return false
}
