package ddl

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Column is what a statement says of a column whose type it changes.
type Column struct {
	Type          string // in the words that information_schema uses: "varchar(20)", "bigint unsigned"
	Charset       bool   // it says CHARACTER SET without COLLATE
	Collation     string // "" if it does not say
	NotNull       bool
	AutoIncrement bool
}

// Text tells whether the column has a collation.
func (c *Column) Text() bool {
	return strings.HasPrefix(c.Type, "varchar") || strings.HasSuffix(c.Type, "text")
}

// families are types of which each holds all values of those before it.
var families = [][]string{
	{"tinyint", "smallint", "mediumint", "int", "bigint"},
	{"tinytext", "text", "mediumtext", "longtext"},
	{"tinyblob", "blob", "mediumblob", "longblob"},
}

var typeForm = regexp.MustCompile(`^([a-z]+)(?:\((\d+)(?:,(\d+))?\))?( unsigned)?$`)

// Widens tells whether every value of one type is the same value in another one, which holds more. Both are as information_schema says.
func Widens(from, to string) bool {
	a, b := typeForm.FindStringSubmatch(from), typeForm.FindStringSubmatch(to)
	if a == nil || b == nil || a[4] != b[4] {
		return false
	}
	for _, family := range families {
		if i, j := slices.Index(family, a[1]), slices.Index(family, b[1]); i >= 0 && j >= 0 {
			return i < j
		}
	}
	if a[1] != b[1] || a[2] == "" || b[2] == "" || number(a[2]) >= number(b[2]) {
		return false
	}
	switch a[1] {
	case "varchar", "varbinary":
		return true
	case "decimal": // another scale is another value: 1.50 and 1.5000
		return number("0"+a[3]) == number("0"+b[3])
	}
	return false
}

// SameType tells whether two types are one: what stands in parentheses behind an integer is only how it is shown.
func SameType(a, b string) bool { return plainType(a) == plainType(b) }

func plainType(typ string) string {
	m := typeForm.FindStringSubmatch(typ)
	if m == nil || !slices.Contains(families[0], m[1]) {
		return typ
	}
	return m[1] + m[4]
}

func number(digits string) int {
	n, _ := strconv.Atoi(digits)
	return n
}

// otherWords are other names of types.
var otherWords = map[string]string{"INTEGER": "INT", "INT1": "TINYINT", "INT2": "SMALLINT", "INT3": "MEDIUMINT", "INT4": "INT", "INT8": "BIGINT", "DEC": "DECIMAL", "NUMERIC": "DECIMAL", "FIXED": "DECIMAL"}

// changesColumn is why a column's change is not carried.
const changesColumn = "it changes a column: rows that are on their way have its former definition; stop writing to the table, run it everywhere, and go on"

// modify takes MODIFY name type …, up to the next comma. Whether the type is a wider one is seen where the column is.
func (p *parser) modify(on Name, renames bool) string {
	p.skip("COLUMN")
	p.skip("IF", "EXISTS")
	name := p.Next().Text
	if renames && !strings.EqualFold(p.Next().Text, name) {
		return "rows that other regions write meanwhile have the former name: stop writing to the table first"
	}
	c := &Column{}
	if c.Type = p.columnType(); !slices.ContainsFunc(families, func(f []string) bool { return slices.Contains(f, strings.TrimSuffix(c.Type, " unsigned")) }) && !sized(c.Type) {
		return changesColumn
	}
	for !p.end() && p.peek().Text != "," {
		if !p.modifier(c) {
			return changesColumn
		}
	}
	p.s.Effects = append(p.s.Effects, Effect{ColumnWide, on, name, c})
	return ""
}

// sized tells whether a type is one that can be longer.
func sized(typ string) bool {
	m := typeForm.FindStringSubmatch(typ)
	return m != nil && m[2] != "" && slices.Contains([]string{"varchar", "varbinary", "decimal"}, m[1])
}

func (p *parser) columnType() string {
	word := p.Next().Upper()
	if other := otherWords[word]; other != "" {
		word = other
	}
	typ := strings.ToLower(word)
	if p.word("(") {
		size := p.Next().Text
		if p.word(",") {
			size += "," + p.Next().Text
		} else if typ == "decimal" {
			size += ",0"
		}
		if !p.word(")") {
			return ""
		}
		if !slices.Contains(families[0], typ) && !strings.HasSuffix(typ, "text") && !strings.HasSuffix(typ, "blob") {
			typ += "(" + size + ")"
		}
	}
	if p.word("UNSIGNED") {
		typ += " unsigned"
	}
	return typ
}

// modifier takes one of the words behind a type that leave the column's values as they are.
func (p *parser) modifier(c *Column) bool {
	switch p.Next().Upper() {
	case "NOT":
		c.NotNull = p.word("NULL")
		return c.NotNull
	case "NULL", "SIGNED":
	case "AUTO_INCREMENT":
		c.AutoIncrement = true
	case "DEFAULT":
		return p.constant()
	case "COMMENT":
		p.Next()
	case "CHARACTER":
		if !p.word("SET") {
			return false
		}
		p.word("=")
		p.Next()
		c.Charset = true
	case "CHARSET":
		p.Next()
		c.Charset = true
	case "COLLATE":
		c.Collation = strings.ToLower(p.Next().Text)
	default:
		return false
	}
	return true
}
