package ddl

// reader reads a statement's words with a little grammar.
type reader struct{ Words }

// objects are what definitions are about; those with true have a name within a schema.
var objects = map[string]bool{
	"TABLE": true, "VIEW": true, "SEQUENCE": true, "TRIGGER": true, "PROCEDURE": true, "FUNCTION": true, "EVENT": true,
	"PACKAGE": true, "INDEX": true, "DATABASE": false, "SCHEMA": false, "USER": false, "ROLE": false, "SERVER": false,
}

// maxModifiers is how many words may stand between the verb and what it is about.
const maxModifiers = 16

// definition reads what stands between CREATE and the name: OR REPLACE, UNIQUE, DEFINER=`u`@`h`, TEMPORARY …
func (w *reader) definition(s Statement, schema string) Statement {
	for range maxModifiers {
		word := w.Next()
		object := word.Upper()
		if object == "TEMPORARY" {
			return Statement{Kind: Nothing}
		}
		named, ok := objects[object]
		if word.Quoted || !ok {
			continue
		}
		s.Verb += " " + object
		switch object {
		case "USER", "ROLE", "SERVER":
			return s
		case "INDEX":
			w.skipTo("ON")
		}
		w.skip("IF", "NOT", "EXISTS")
		if named {
			return w.target(s, schema)
		}
		s.Schema = w.Next().Text
		return s
	}
	return s
}

// rowsTarget reads the table of INSERT … INTO t, REPLACE t, DELETE … FROM t. Where several are named the first counts.
func (w *reader) rowsTarget(s Statement, schema string) Statement {
	for range maxModifiers {
		before := *w
		switch w.Next().Upper() {
		case "LOW_PRIORITY", "HIGH_PRIORITY", "DELAYED", "QUICK", "IGNORE":
		case "INTO", "FROM":
			return w.target(s, schema)
		default:
			*w = before
			return w.target(s, schema)
		}
	}
	s.Schema = schema
	return s
}

// target reads what a statement is about.
func (w *reader) target(s Statement, schema string) Statement {
	n := w.name(schema)
	s.Schema, s.Name = n.Schema, n.Table
	return s
}

// truncate reads what follows TRUNCATE.
func (w *reader) truncate(schema string) Statement {
	w.skip("TABLE")
	s := w.target(Statement{Kind: Truncate, Verb: "TRUNCATE"}, schema)
	if s.Schema == "" || s.Name == "" {
		s.Reason = noKind
		return s
	}
	n := Name{s.Schema, s.Name}
	s.Tables, s.Effects = []Name{n}, []Effect{{Kind: TableEmpty, On: n}}
	return s
}

// name reads "name" or "schema.name".
func (w *reader) name(schema string) Name {
	n := Name{schema, w.Next().Text}
	if w.Dot() {
		n.Schema, n.Table = n.Table, w.Next().Text
	}
	return n
}

// skip steps over words, as far as they are there, in this order.
func (w *reader) skip(list ...string) {
	for _, word := range list {
		w.word(word)
	}
}

// word takes a word, if that is next.
func (w *reader) word(word string) bool {
	before := *w
	if got := w.Next(); got.Quoted || got.Upper() != word {
		*w = before
		return false
	}
	return true
}

// words takes several words, if they are next, or none.
func (w *reader) words(list ...string) bool {
	before := *w
	for _, word := range list {
		if !w.word(word) {
			*w = before
			return false
		}
	}
	return true
}

// peek shows the next word.
func (w *reader) peek() Word {
	before := *w
	defer func() { *w = before }()
	return w.Next()
}

// end tells whether nothing is left.
func (w *reader) end() bool {
	next := w.peek()
	return next.Text == "" && !next.Quoted || next.Text == ";" && !next.Quoted
}

// skipTo steps over everything up to a word, if it is near.
func (w *reader) skipTo(word string) {
	for range maxModifiers {
		if got := w.Next(); got.Text == "" || !got.Quoted && got.Upper() == word {
			return
		}
	}
}
