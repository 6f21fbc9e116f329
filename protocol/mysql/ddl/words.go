package ddl

import (
	"bytes"
	"slices"
	"strings"
)

// Words cuts SQL into words, names in quotes and single signs. It knows enough of comments to see past them.
type Words struct {
	Rest []byte
}

// Word is a word, or a name or string in quotes. The empty one without quotes is the end.
type Word struct {
	Text   string
	Quoted bool
}

// maxWord bounds what is copied of a name: identifiers have at most 64 characters.
const maxWord = 512

// Upper is a word in upper case; a name in quotes is no word: "".
func (w Word) Upper() string {
	if w.Quoted {
		return ""
	}
	return strings.ToUpper(w.Text)
}

// Next takes the next word.
func (w *Words) Next() Word {
	w.space()
	if len(w.Rest) == 0 {
		return Word{}
	}
	if c := w.Rest[0]; isQuote(c) {
		return Word{Text: w.quoted(c), Quoted: true}
	}
	n := 0
	for n < len(w.Rest) && letter(w.Rest[n]) {
		n++
	}
	n = max(n, 1)
	text := string(w.Rest[:min(n, maxWord)])
	w.Rest = w.Rest[n:]
	return Word{Text: text}
}

// Dot takes a dot, if that is next.
func (w *Words) Dot() bool {
	w.space()
	if len(w.Rest) == 0 || w.Rest[0] != '.' {
		return false
	}
	w.Rest = w.Rest[1:]
	return true
}

// quoted takes a name or string in quotes, in which the quote itself is doubled.
func (w *Words) quoted(quote byte) string {
	var b []byte
	w.Rest = w.Rest[1:]
	for {
		n := bytes.IndexByte(w.Rest, quote)
		if n < 0 {
			b, w.Rest = append(b, w.Rest[:min(len(w.Rest), maxWord)]...), nil
			return string(b)
		}
		b = append(b, w.Rest[:min(n, maxWord)]...)
		w.Rest = w.Rest[n+1:]
		if len(w.Rest) == 0 || w.Rest[0] != quote || len(b) > maxWord {
			return string(b)
		}
		b, w.Rest = append(b, quote), w.Rest[1:]
	}
}

// space steps over blanks and comments. What stands in a comment for servers only, /*!40000 … */ or /*M! … */, is read.
func (w *Words) space() {
	for len(w.Rest) > 0 {
		switch {
		case w.Rest[0] <= ' ':
			w.Rest = w.Rest[1:]
		case w.has("*/"):
			w.Rest = w.Rest[2:]
		case w.has("/*!"), w.has("/*M!"):
			w.Rest = bytes.TrimLeft(w.Rest[bytes.IndexByte(w.Rest, '!')+1:], "0123456789")
		case w.has("/*"):
			w.after("*/")
		case w.Rest[0] == '#', w.has("-- "):
			w.after("\n")
		default:
			return
		}
	}
}

func (w *Words) has(start string) bool { return bytes.HasPrefix(w.Rest, []byte(start)) }

// after steps behind the first end, or to the end of all.
func (w *Words) after(end string) {
	_, w.Rest, _ = bytes.Cut(w.Rest, []byte(end))
}

// quotes can stand around names and strings.
var quotes = []byte("`\"'")

func isQuote(c byte) bool { return slices.Contains(quotes, c) }

// letter tells whether a byte can stand in a name without quotes; see https://mariadb.com/kb/en/identifier-names/.
func letter(c byte) bool {
	return c == '_' || c == '$' || c >= 0x80 || c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
}
