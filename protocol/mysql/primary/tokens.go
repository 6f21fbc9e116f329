package primary

import "strings"

// maxHandshake is the length of the longest statement that is looked at here; longer ones go to the engine.
const maxHandshake = 64 << 10

type tokenKind uint8

const (
	tokenWord   tokenKind = iota // text in lower case
	tokenUser                    // @name: text is the name in lower case
	tokenSystem                  // @@name: text is the name in lower case
	tokenString                  // text is the value
	tokenNumber
	tokenMark // one character, or ":="
)

type token struct {
	kind tokenKind
	text string
}

// tokenize cuts one statement into tokens. It knows as much SQL as a replica says before it dumps; ok is false for what it
// does not know, such as a second statement or a comment that is executed.
func tokenize(query string) (tokens []token, ok bool) {
	if len(query) > maxHandshake {
		return nil, false
	}
	l := lexer{rest: query}
	for l.skip() {
		t, ok := l.next()
		if !ok {
			return nil, false
		}
		tokens = append(tokens, t)
	}
	return tokens, !l.bad && len(tokens) > 0
}

type lexer struct {
	rest string
	bad  bool
}

// skip passes over what means nothing, and tells whether something is left.
func (l *lexer) skip() bool {
	for {
		l.rest = strings.TrimLeft(l.rest, " \t\r\n\f\v\x00")
		switch {
		case l.rest == "" || strings.Trim(l.rest, "; \t\r\n") == "":
			return false
		case strings.HasPrefix(l.rest, "/*!") || strings.HasPrefix(l.rest, "/*M!"):
			l.bad = true
			return false
		case strings.HasPrefix(l.rest, "/*"):
			l.after("*/")
		case l.rest[0] == '#' || strings.HasPrefix(l.rest, "-- "):
			l.after("\n")
		default:
			return true
		}
	}
}

func (l *lexer) after(end string) { _, l.rest, _ = strings.Cut(l.rest, end) }

func (l *lexer) next() (token, bool) {
	switch c := l.rest[0]; {
	case c == '\'' || c == '"':
		s, ok := l.quoted(c)
		return token{tokenString, s}, ok
	case c == '`':
		s, ok := l.quoted(c)
		return token{tokenWord, strings.ToLower(s)}, ok
	case strings.HasPrefix(l.rest, "@@"):
		l.rest = l.rest[2:]
		return l.variable(tokenSystem)
	case c == '@':
		l.rest = l.rest[1:]
		return l.variable(tokenUser)
	case c >= '0' && c <= '9':
		return token{tokenNumber, l.word()}, true
	case isWord(c):
		return token{tokenWord, strings.ToLower(l.word())}, true
	case strings.HasPrefix(l.rest, ":="):
		l.rest = l.rest[2:]
		return token{tokenMark, ":="}, true
	case c == ';':
		return token{}, false
	default:
		l.rest = l.rest[1:]
		return token{tokenMark, string(rune(c))}, true
	}
}

// variable reads the name after @ or @@; it may be quoted.
func (l *lexer) variable(kind tokenKind) (token, bool) {
	var name string
	if l.rest != "" && strings.IndexByte("`'\"", l.rest[0]) >= 0 {
		var ok bool
		if name, ok = l.quoted(l.rest[0]); !ok {
			return token{}, false
		}
	} else {
		name = l.word()
	}
	return token{kind, strings.ToLower(name)}, name != ""
}

func (l *lexer) word() string {
	n := 0
	for n < len(l.rest) && (isWord(l.rest[n]) || l.rest[n] == '.') {
		n++
	}
	word := l.rest[:n]
	l.rest = l.rest[n:]
	return word
}

// quoted reads up to the closing quote. A doubled quote and, except in names, a backslash stand for themselves.
func (l *lexer) quoted(quote byte) (string, bool) {
	var b strings.Builder
	for i := 1; i < len(l.rest); i++ {
		c := l.rest[i]
		switch {
		case c == '\\' && quote != '`' && i+1 < len(l.rest):
			i++
			b.WriteByte(l.rest[i])
		case c == quote && i+1 < len(l.rest) && l.rest[i+1] == quote:
			i++
			b.WriteByte(quote)
		case c == quote:
			l.rest = l.rest[i+1:]
			return b.String(), true
		default:
			b.WriteByte(c)
		}
	}
	return "", false
}

func isWord(c byte) bool {
	return c == '_' || c == '$' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}
