package values

import (
	"errors"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/octant-db/octant/relay"
)

// JSON is a document, or a part of one. Each engine has a stored form of its own, which it makes from this one.
type JSON struct {
	Kind    JSONKind
	Text    string // of a string: itself; of a number: as it was written
	Items   []JSON // of an array, and the values of an object
	Members []string
}

// JSONKind is what a JSON is.
type JSONKind uint8

// The kinds.
const (
	JSONNull JSONKind = iota
	JSONFalse
	JSONTrue
	JSONNumber
	JSONString
	JSONArray
	JSONObject
)

// jsonDepth is how deep documents may be. MySQL allows as many levels.
const jsonDepth = 100

var (
	errNoJSON = errors.New("it is no JSON document")
	errTwice  = errors.New("the document has one name twice in one object, and only one of them would be kept")
	errDeep   = errors.New("the document has more than 100 levels")
)

// ParseJSON reads a document as RFC 8259 has it. What databases would take in different ways is refused: a name that an object has twice, and
// halves of surrogate pairs.
func ParseJSON(text []byte) (JSON, error) {
	p := jsonParser{rest: text}
	if !utf8.Valid(text) {
		return JSON{}, errNoJSON
	}
	v, err := p.value(0)
	p.space()
	if err == nil && len(p.rest) > 0 {
		err = errNoJSON
	}
	return v, err
}

func toJSON(v relay.Value, _, _ *relay.Type) (relay.Value, error) {
	v.Kind = relay.JSON
	_, err := ParseJSON(v.Bytes)
	return v, err
}

type jsonParser struct{ rest []byte }

func (p *jsonParser) space() {
	for len(p.rest) > 0 && (p.rest[0] == ' ' || p.rest[0] == '\t' || p.rest[0] == '\n' || p.rest[0] == '\r') {
		p.rest = p.rest[1:]
	}
}

// next takes a byte if it is the one.
func (p *jsonParser) next(c byte) bool {
	if len(p.rest) == 0 || p.rest[0] != c {
		return false
	}
	p.rest = p.rest[1:]
	return true
}

func (p *jsonParser) word(word string, kind JSONKind) (JSON, error) {
	if len(p.rest) < len(word) || string(p.rest[:len(word)]) != word {
		return JSON{}, errNoJSON
	}
	p.rest = p.rest[len(word):]
	return JSON{Kind: kind}, nil
}

func (p *jsonParser) value(depth int) (JSON, error) {
	if depth > jsonDepth {
		return JSON{}, errDeep
	}
	p.space()
	if len(p.rest) == 0 {
		return JSON{}, errNoJSON
	}
	switch p.rest[0] {
	case 'n':
		return p.word("null", JSONNull)
	case 't':
		return p.word("true", JSONTrue)
	case 'f':
		return p.word("false", JSONFalse)
	case '"':
		s, err := p.string()
		return JSON{Kind: JSONString, Text: s}, err
	case '[':
		return p.array(depth)
	case '{':
		return p.object(depth)
	}
	return p.number()
}

func (p *jsonParser) array(depth int) (JSON, error) {
	v := JSON{Kind: JSONArray}
	p.next('[')
	if p.space(); p.next(']') {
		return v, nil
	}
	for {
		item, err := p.value(depth + 1)
		if err != nil {
			return v, err
		}
		v.Items = append(v.Items, item)
		if p.space(); p.next(']') {
			return v, nil
		}
		if !p.next(',') {
			return v, errNoJSON
		}
	}
}

func (p *jsonParser) object(depth int) (JSON, error) {
	v, seen := JSON{Kind: JSONObject}, map[string]bool{}
	p.next('{')
	if p.space(); p.next('}') {
		return v, nil
	}
	for {
		p.space()
		name, err := p.string()
		if err != nil {
			return v, err
		}
		if seen[name] {
			return v, errTwice
		}
		seen[name] = true
		if p.space(); !p.next(':') {
			return v, errNoJSON
		}
		item, err := p.value(depth + 1)
		if err != nil {
			return v, err
		}
		v.Members, v.Items = append(v.Members, name), append(v.Items, item)
		if p.space(); p.next('}') {
			return v, nil
		}
		if !p.next(',') {
			return v, errNoJSON
		}
	}
}

// number takes -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?
func (p *jsonParser) number() (JSON, error) {
	all := p.rest
	p.next('-')
	whole := p.digits()
	ok := whole > 0 && (whole == 1 || all[len(all)-len(p.rest)-whole] != '0')
	if p.next('.') {
		ok = ok && p.digits() > 0
	}
	if p.next('e') || p.next('E') {
		if !p.next('+') {
			p.next('-')
		}
		ok = ok && p.digits() > 0
	}
	if !ok {
		return JSON{}, errNoJSON
	}
	return JSON{Kind: JSONNumber, Text: string(all[:len(all)-len(p.rest)])}, nil
}

func (p *jsonParser) digits() int {
	n := fractionDigits(p.rest)
	p.rest = p.rest[n:]
	return n
}

func (p *jsonParser) string() (string, error) {
	if !p.next('"') {
		return "", errNoJSON
	}
	var b []byte
	for len(p.rest) > 0 {
		c := p.rest[0]
		p.rest = p.rest[1:]
		switch {
		case c == '"':
			return string(b), nil
		case c < ' ':
			return "", errNoJSON
		case c != '\\':
			b = append(b, c)
			continue
		}
		r, err := p.escape()
		if err != nil {
			return "", err
		}
		b = utf8.AppendRune(b, r)
	}
	return "", errNoJSON
}

// escapes are the characters behind a backslash.
var escapes = map[byte]rune{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

func (p *jsonParser) escape() (rune, error) {
	if len(p.rest) == 0 {
		return 0, errNoJSON
	}
	c := p.rest[0]
	p.rest = p.rest[1:]
	if c != 'u' {
		r, ok := escapes[c]
		if !ok {
			return 0, errNoJSON
		}
		return r, nil
	}
	r, err := p.hex()
	if err != nil || !utf16.IsSurrogate(r) {
		return r, err
	}
	if !p.next('\\') || !p.next('u') {
		return 0, errNoJSON
	}
	low, err := p.hex()
	if r = utf16.DecodeRune(r, low); err == nil && r == utf8.RuneError {
		err = errNoJSON
	}
	return r, err
}

func (p *jsonParser) hex() (rune, error) {
	if len(p.rest) < 4 {
		return 0, errNoJSON
	}
	n, err := strconv.ParseUint(string(p.rest[:4]), 16, 32)
	p.rest = p.rest[4:]
	if err != nil {
		return 0, errNoJSON
	}
	return rune(n), nil
}
