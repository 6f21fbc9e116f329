package ddl

import "strings"

// column takes the definition of a column that is added, up to the next comma. It must be one that rows without it can do without: NULL or a
// constant stands there for them, the same one in every region.
func (p *parser) column() string {
	typ := p.Next().Upper()
	switch typ {
	case "SERIAL":
		return "its values would be given in each region anew"
	case "":
		return noKind
	}
	c := columnRules{typ: typ}
	for depth := 0; !p.end(); {
		next := p.peek()
		if depth == 0 && !next.Quoted && next.Text == "," {
			break
		}
		p.Next()
		if depth = nested(depth, next); depth > 0 || next.Quoted || next.Text == ")" {
			continue
		}
		if reason := p.attribute(&c, next.Upper()); reason != "" {
			return reason
		}
	}
	return c.verdict()
}

// columnRules is what was seen of a column.
type columnRules struct {
	typ                       string
	null, notNull, hasDefault bool
}

func (c *columnRules) verdict() string {
	switch {
	case c.typ == "TIMESTAMP" && !c.null && !c.hasDefault:
		return "a TIMESTAMP may get the time at which the statement ran: say NULL, or give it a constant DEFAULT"
	case c.notNull && !c.hasDefault:
		return "it is NOT NULL and has no DEFAULT, which rows without it need"
	}
	return ""
}

func (p *parser) attribute(c *columnRules, word string) string {
	switch word {
	case "NOT":
		c.notNull = p.word("NULL")
	case "NULL":
		c.null = true
	case "DEFAULT":
		if !p.constant() {
			return "its DEFAULT is not a constant, and would be another value in each region"
		}
		c.hasDefault = true
	case "FIRST", "AFTER":
		return "it stands between others: add it at the end"
	case "ON", "GENERATED", "AS", "AUTO_INCREMENT":
		return "its values would be computed in each region anew"
	case "UNIQUE", "PRIMARY", "KEY", "REFERENCES", "CHECK", "CONSTRAINT":
		return "it has a key or a condition that rows without it may not meet"
	case "COMMENT":
		p.Next()
	}
	return ""
}

// constant takes a literal.
func (p *parser) constant() bool {
	p.skip("-")
	p.skip("+")
	next := p.Next()
	word := next.Upper()
	switch {
	case next.Quoted:
		return true
	case word == "NULL", word == "TRUE", word == "FALSE":
		return true
	case word == "X", word == "B", word == "N", strings.HasPrefix(word, "_"): // x'00', _utf8mb4'text'
		return p.Next().Quoted
	case word == "", word[0] < '0' || word[0] > '9':
		return false
	}
	if p.Dot() {
		p.Next()
	}
	return true
}
