package capture

import (
	"slices"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/relay"
)

// statement looks at SQL that was logged as text.
func (g *group) statement(t binlog.EventType, q *binlog.Query) {
	d := describe(q.Schema, q.SQL)
	if t == binlog.ExecuteLoadQueryEvent {
		d = described{kind: rowsStatement, verb: "LOAD DATA", schema: q.Schema} // its first name is that of a file
	}
	if d.kind == nothing {
		return
	}
	g.touch(d.schema)
	if d.schema == octantSchema || d.schema != "" && !g.stream.source.config.Include(d.schema, d.name) {
		return
	}
	g.problem(d.problem())
}

// problem says what is wrong with a statement that is not carried to other regions. Its text is not told: it can have values.
func (d *described) problem() relay.Problem {
	switch d.kind {
	case truncateStatement:
		return relay.Problem{Kind: truncation, Subject: d.subject(),
			Detail: "TRUNCATE is not carried to other regions",
			Remedy: "run it there too, while nobody writes to the table; or use DELETE"}
	case rowsStatement:
		return relay.Problem{Kind: statementFormat, Subject: d.subject(),
			Detail: d.verb + " was logged as a statement, not as rows",
			Remedy: "SET GLOBAL binlog_format=ROW and let no session change it, then write the rows again"}
	}
	return relay.Problem{Kind: definition, Subject: d.subject(),
		Detail: d.verb + " is not carried to other regions",
		Remedy: "run it there too"}
}

// statementKind is what a statement means to replication.
type statementKind uint8

const (
	definitionStatement statementKind = iota
	truncateStatement
	rowsStatement
	nothing // temporary tables, comments
)

// described is what can be seen of a statement from its first words.
type described struct {
	kind         statementKind
	verb         string // "ALTER TABLE"
	schema, name string // what it is about, as far as it says; the schema may be the session's
}

// subject names what the statement is about.
func (d *described) subject() string {
	switch {
	case d.name != "":
		return d.schema + "." + d.name
	case d.schema != "":
		return d.schema
	}
	return d.verb
}

// describe reads a statement's first words. It errs to the side of saying more.
func describe(schema string, sql []byte) described {
	w := words{rest: sql}
	verb := w.next().upper()
	switch verb {
	case "":
		return described{kind: nothing}
	case "UPDATE":
		w.skip("LOW_PRIORITY", "IGNORE")
		return w.target(described{kind: rowsStatement, verb: verb}, schema)
	case "INSERT", "REPLACE", "DELETE":
		return w.rowsTarget(described{kind: rowsStatement, verb: verb}, schema)
	case "WITH", "LOAD", "CALL", "SELECT", "DO":
		return described{kind: rowsStatement, verb: verb, schema: schema}
	case "TRUNCATE":
		w.skip("TABLE")
		return w.target(described{kind: truncateStatement, verb: verb}, schema)
	case "CREATE", "ALTER", "DROP", "RENAME":
		return w.definition(described{verb: verb}, schema)
	}
	return described{verb: verb, schema: ""}
}

// objects are what definitions are about; those with true have a name within a schema.
var objects = map[string]bool{
	"TABLE": true, "VIEW": true, "SEQUENCE": true, "TRIGGER": true, "PROCEDURE": true, "FUNCTION": true, "EVENT": true,
	"PACKAGE": true, "INDEX": true, "DATABASE": false, "SCHEMA": false, "USER": false, "ROLE": false, "SERVER": false,
}

// maxModifiers is how many words may stand between the verb and what it is about.
const maxModifiers = 16

// definition reads what stands between CREATE and the name: OR REPLACE, UNIQUE, DEFINER=`u`@`h`, TEMPORARY …
func (w *words) definition(d described, schema string) described {
	for range maxModifiers {
		word := w.next()
		object := word.upper()
		if object == "TEMPORARY" {
			return described{kind: nothing}
		}
		named, ok := objects[object]
		if word.quoted || !ok {
			continue
		}
		d.verb += " " + object
		switch object {
		case "USER", "ROLE", "SERVER":
			return d
		case "INDEX":
			w.skipTo("ON")
		}
		w.skip("IF", "NOT", "EXISTS")
		if named {
			return w.target(d, schema)
		}
		d.schema = w.next().text
		return d
	}
	return d
}

// rowsTarget reads the table of INSERT … INTO t, REPLACE t, DELETE … FROM t. Where several are named the first counts.
func (w *words) rowsTarget(d described, schema string) described {
	for range maxModifiers {
		before := *w
		switch w.next().upper() {
		case "LOW_PRIORITY", "HIGH_PRIORITY", "DELAYED", "QUICK", "IGNORE":
		case "INTO", "FROM":
			return w.target(d, schema)
		default:
			*w = before
			return w.target(d, schema)
		}
	}
	d.schema = schema
	return d
}

// target reads "name" or "schema.name".
func (w *words) target(d described, schema string) described {
	d.schema, d.name = schema, w.next().text
	if w.dot() {
		d.schema, d.name = d.name, w.next().text
	}
	return d
}

// skip steps over words, as far as they are there, in this order.
func (w *words) skip(list ...string) {
	for _, word := range list {
		before := *w
		if got := w.next(); got.quoted || got.upper() != word {
			*w = before
		}
	}
}

// skipTo steps over everything up to a word, if it is near.
func (w *words) skipTo(word string) {
	for range maxModifiers {
		if got := w.next(); got.text == "" || !got.quoted && got.upper() == word {
			return
		}
	}
}

var quotes = []byte("`\"'")

func isQuote(c byte) bool { return slices.Contains(quotes, c) }
