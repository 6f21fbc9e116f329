package ddl

import "bytes"

// Kind is what a statement means to replication.
type Kind uint8

// The kinds.
const (
	Definition Kind = iota // it changes definitions, or cannot be told from one that does
	Truncate               // it takes all rows of a table away
	Rows                   // it changes rows that the log does not show
	Nothing                // temporary tables, comments, upkeep of tables
)

// Statement is what can be seen of a statement.
type Statement struct {
	Kind         Kind
	Verb         string // "ALTER TABLE"
	Schema, Name string // what it is about, as far as it says; the schema may be the session's
	Tables       []Name // all that it is about, of a Definition about tables and views

	// Reason says why a Definition is not carried to other regions; "" of one that is.
	Reason  string
	Effects []Effect // of one that is carried: what is so when it has been run
}

// Name is that of a table or view.
type Name struct{ Schema, Table string }

// String returns "schema.table".
func (n Name) String() string { return n.Schema + "." + n.Table }

// Carried tells whether the statement is run in other regions too.
func (s *Statement) Carried() bool {
	return (s.Kind == Definition || s.Kind == Truncate) && s.Reason == ""
}

// Subject names what the statement is about.
func (s *Statement) Subject() string {
	switch {
	case s.Name != "":
		return s.Schema + "." + s.Name
	case s.Schema != "":
		return s.Schema
	}
	return s.Verb
}

// EffectKind is a way in which a definition can be seen to have been run.
type EffectKind uint8

// The effects.
const (
	SchemaStands EffectKind = iota + 1
	TableStands             // views too
	TableGone               // views too
	ColumnStands            // Object is its name
	IndexStands             // Object is its name
	IndexGone               // Object is its name; only an index that is not unique may be taken away
	TableEmpty              // of a table whose rows are carried
	Replaced                // nothing shows it, and running it again does no harm
	ColumnWide              // Object is its name, Column what it shall be: a column that holds more than it did
)

// Effect is one of them.
type Effect struct {
	Kind   EffectKind
	On     Name
	Object string
	Column *Column // of ColumnWide
}

// Describe reads a statement with its session's schema. It errs to the side of saying more, and of carrying less.
func Describe(schema string, sql []byte) Statement {
	w := reader{Words{Rest: sql}}
	verb := w.Next().Upper()
	switch verb {
	case "", "ANALYZE", "OPTIMIZE", "REPAIR", "FLUSH", "CHECK", "CHECKSUM":
		return Statement{Kind: Nothing, Verb: verb}
	case "UPDATE":
		w.skip("LOW_PRIORITY", "IGNORE")
		return w.target(Statement{Kind: Rows, Verb: verb}, schema)
	case "INSERT", "REPLACE", "DELETE":
		return w.rowsTarget(Statement{Kind: Rows, Verb: verb}, schema)
	case "WITH", "LOAD", "CALL", "SELECT", "DO":
		return Statement{Kind: Rows, Verb: verb, Schema: schema}
	case "TRUNCATE":
		return w.truncate(schema)
	case "CREATE", "ALTER", "DROP", "RENAME":
		s := w.definition(Statement{Verb: verb}, schema)
		if s.Kind == Definition {
			s.judge(schema, sql)
		}
		return s
	}
	return Statement{Verb: verb, Reason: noKind}
}

// noKind is the reason of what is not looked at any closer.
const noKind = "it is none of the definitions that are carried"

// refused are the reasons of definitions that are never carried, by verb.
var refused = map[string]string{
	"DROP TABLE":     "rows that other regions write meanwhile would be lost: stop writing to the table first",
	"DROP DATABASE":  "rows that other regions write meanwhile would be lost: stop writing to its tables first",
	"DROP SCHEMA":    "rows that other regions write meanwhile would be lost: stop writing to its tables first",
	"CREATE TRIGGER": "what a trigger writes is carried as rows: make it in each region whose applications need it",
	"CREATE EVENT":   "what an event writes is carried as rows: enable it in one region",
}

// judge finds out whether a definition is carried, from its beginning again.
func (s *Statement) judge(schema string, sql []byte) {
	s.Reason = noKind
	p := parser{s: s, schema: schema, reader: reader{Words{Rest: sql}}}
	if reason, known := refused[s.Verb]; known {
		s.Reason = reason
	}
	read := parsers[s.Verb]
	if read == nil || s.Verb == "ALTER TABLE" && bytes.ContainsRune(sql, '\\') { // a backslash can hide the end of a string
		return
	}
	p.Next()
	s.Reason = read(&p)
	if s.Reason != "" {
		s.Effects = nil
	} else if len(s.Effects) == 0 {
		s.Kind = Nothing // what it changes concerns its own region alone
	}
}
