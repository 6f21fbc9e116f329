package capture

import (
	"bytes"
	"strings"
)

// words cuts SQL into words, names in quotes and single signs. It knows enough of comments to see past them.
type words struct {
	rest []byte
}

// word is a word or a name. An empty one is the end.
type word struct {
	text   string
	quoted bool
}

// maxWord bounds what is copied of a name: identifiers have at most 64 characters.
const maxWord = 512

func (w word) upper() string {
	if w.quoted {
		return ""
	}
	return strings.ToUpper(w.text)
}

// next takes the next word.
func (w *words) next() word {
	w.space()
	if len(w.rest) == 0 {
		return word{}
	}
	if c := w.rest[0]; isQuote(c) {
		return word{text: w.quoted(c), quoted: true}
	}
	n := 0
	for n < len(w.rest) && letter(w.rest[n]) {
		n++
	}
	n = max(n, 1)
	text := string(w.rest[:min(n, maxWord)])
	w.rest = w.rest[n:]
	return word{text: text}
}

// dot takes a dot, if that is next.
func (w *words) dot() bool {
	w.space()
	if len(w.rest) == 0 || w.rest[0] != '.' {
		return false
	}
	w.rest = w.rest[1:]
	return true
}

// quoted takes a name or string in quotes, in which the quote itself is doubled.
func (w *words) quoted(quote byte) string {
	var b []byte
	w.rest = w.rest[1:]
	for {
		n := bytes.IndexByte(w.rest, quote)
		if n < 0 {
			b, w.rest = append(b, w.rest[:min(len(w.rest), maxWord)]...), nil
			return string(b)
		}
		b = append(b, w.rest[:min(n, maxWord)]...)
		w.rest = w.rest[n+1:]
		if len(w.rest) == 0 || w.rest[0] != quote || len(b) > maxWord {
			return string(b)
		}
		b, w.rest = append(b, quote), w.rest[1:]
	}
}

// space steps over blanks and comments. What stands in a comment for servers only, /*!40000 … */ or /*M! … */, is read.
func (w *words) space() {
	for len(w.rest) > 0 {
		switch {
		case w.rest[0] <= ' ':
			w.rest = w.rest[1:]
		case w.has("*/"):
			w.rest = w.rest[2:]
		case w.has("/*!"), w.has("/*M!"):
			w.rest = bytes.TrimLeft(w.rest[bytes.IndexByte(w.rest, '!')+1:], "0123456789")
		case w.has("/*"):
			w.after("*/")
		case w.rest[0] == '#', w.has("-- "):
			w.after("\n")
		default:
			return
		}
	}
}

func (w *words) has(start string) bool { return bytes.HasPrefix(w.rest, []byte(start)) }

// after steps behind the first end, or to the end of all.
func (w *words) after(end string) {
	_, w.rest, _ = bytes.Cut(w.rest, []byte(end))
}

// letter tells whether a byte can stand in a name without quotes; see https://mariadb.com/kb/en/identifier-names/.
func letter(c byte) bool {
	return c == '_' || c == '$' || c >= 0x80 || c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
}
