package admin

import (
	"strings"

	"github.com/go-mysql-org/go-mysql/mysql"
)

type tokenKind uint8

const (
	word   tokenKind = iota + 1 // a keyword or a name, text in lower case
	quoted                      // a name in backquotes, text without them
	text                        // a string, text without quotes and escapes
	number                      // digits
	system                      // @@name, @@session.name: text is the name in lower case, with the scope
	user                        // @name
	sign                        // one character that is none of these
)

// token is one word of a statement. Comments are no tokens, but what stands in /*! */ is read as the server would.
type token struct {
	kind       tokenKind
	text       string
	start, end int // where it stands in the statement
}

// lexer cuts a statement into tokens by MariaDB's rules with the default sql_mode.
type lexer struct {
	s      string
	at     int
	nested int // open /*! comments
}

// tokenize returns the statement's tokens without semicolons at its end.
func tokenize(s string) ([]token, error) {
	l := lexer{s: s}
	var tokens []token
	for {
		t, err := l.next()
		if err != nil {
			return nil, err
		}
		if t.kind == 0 {
			break
		}
		tokens = append(tokens, t)
	}
	for len(tokens) > 0 && tokens[len(tokens)-1].is(";") {
		tokens = tokens[:len(tokens)-1]
	}
	for _, t := range tokens {
		if t.is(";") {
			return nil, failure(mysql.ER_PARSE_ERROR, "You have an error in your SQL syntax; send one statement at a time")
		}
	}
	return tokens, nil
}

func (t token) is(s string) bool { return t.kind == sign && t.text == s }

// next returns the next token, or one of kind 0 at the end.
func (l *lexer) next() (token, error) {
	if err := l.skip(); err != nil {
		return token{}, err
	}
	start := l.at
	if start >= len(l.s) {
		return token{start: start, end: start}, nil
	}
	t, err := l.read()
	t.start, t.end = start, l.at
	return t, err
}

func (l *lexer) read() (token, error) {
	c := l.s[l.at]
	switch {
	case c == '\'' || c == '"':
		s, err := l.quoted(c, true)
		return token{kind: text, text: s}, err
	case c == '`':
		s, err := l.quoted(c, false)
		return token{kind: quoted, text: s}, err
	case strings.HasPrefix(l.s[l.at:], "@@"):
		l.at += 2
		return token{kind: system, text: strings.ToLower(l.take(func(c byte) bool { return nameByte(c) || c == '.' }))}, nil
	case c == '@':
		l.at++
		return token{kind: user, text: l.take(nameByte)}, nil
	case digit(c):
		s := l.take(nameByte)
		if strings.Trim(s, "0123456789") == "" {
			return token{kind: number, text: s}, nil
		}
		return token{kind: word, text: strings.ToLower(s)}, nil
	case nameByte(c):
		return token{kind: word, text: strings.ToLower(l.take(nameByte))}, nil
	}
	l.at++
	return token{kind: sign, text: string(c)}, nil
}

// skip passes white space and comments.
func (l *lexer) skip() error {
	for l.at < len(l.s) {
		rest := l.s[l.at:]
		switch {
		case strings.IndexByte(" \t\r\n\f\v", rest[0]) >= 0:
			l.at++
		case rest[0] == '#' || strings.HasPrefix(rest, "--") && (len(rest) == 2 || rest[2] <= ' '):
			end := strings.IndexByte(rest, '\n')
			if end < 0 {
				end = len(rest) - 1
			}
			l.at += end + 1
		case strings.HasPrefix(rest, "/*!") || strings.HasPrefix(rest, "/*M!"):
			l.at += strings.IndexByte(rest, '!') + 1
			l.take(digit) // the version from which on it counts
			l.nested++
		case l.nested > 0 && strings.HasPrefix(rest, "*/"):
			l.at += 2
			l.nested--
		case strings.HasPrefix(rest, "/*"):
			end := strings.Index(rest[2:], "*/")
			if end < 0 {
				return syntaxError(rest)
			}
			l.at += 2 + end + 2
		default:
			return nil
		}
	}
	if l.nested > 0 {
		return syntaxError("/*!")
	}
	return nil
}

// quoted reads up to the closing quote, which is written twice to stand for itself.
func (l *lexer) quoted(quote byte, escapes bool) (string, error) {
	start := l.at
	var b strings.Builder
	for l.at++; l.at < len(l.s); l.at++ {
		c := l.s[l.at]
		switch {
		case c == quote && l.at+1 < len(l.s) && l.s[l.at+1] == quote:
			l.at++
		case c == quote:
			l.at++
			return b.String(), nil
		case c == '\\' && escapes && l.at+1 < len(l.s):
			l.at++
			if c = unescape(l.s[l.at]); c == '%' || c == '_' { // for LIKE, these keep the backslash
				b.WriteByte('\\')
			}
			b.WriteByte(c)
			continue
		}
		b.WriteByte(c)
	}
	return "", syntaxError(l.s[start:])
}

func unescape(c byte) byte {
	switch c {
	case 'n':
		return '\n'
	case 't':
		return '\t'
	case 'r':
		return '\r'
	case '0':
		return 0
	case 'b':
		return '\b'
	case 'Z':
		return 26
	}
	return c
}

func (l *lexer) take(ok func(byte) bool) string {
	start := l.at
	for l.at < len(l.s) && ok(l.s[l.at]) {
		l.at++
	}
	return l.s[start:l.at]
}

func digit(c byte) bool { return '0' <= c && c <= '9' }

func nameByte(c byte) bool {
	return digit(c) || c == '_' || c == '$' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c >= 0x80
}
