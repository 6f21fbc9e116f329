package apply

import (
	"bytes"
	"encoding/binary"
	"strings"
	"unicode/utf8"

	"github.com/octant-db/octant/relay"
)

// textRule says when two texts of a column are one value for a unique key.
type textRule struct {
	charset, collation string
	prefix             int  // characters that count; 0: all
	pad                bool // trailing spaces do not count
	binary             bool // equal text has equal bytes, trailing spaces aside: no need to ask
	levels             int  // how many levels of weights it compares, one after the other
	trim               bool // trailing weights of spaces can be cut off
}

// newTextRule makes the rule of a collation that is PAD SPACE, or is not, and has one level.
func newTextRule(c relay.Column, prefix int, pad bool) textRule {
	r := textRule{charset: c.Charset, collation: c.Collation, prefix: prefix, pad: pad, levels: 1}
	r.binary = strings.HasSuffix(c.Collation, "_bin") && narrow(c.Charset) && (prefix == 0 || countable(c.Charset))
	r.trim = r.pad && !strings.HasSuffix(c.Collation, "_czech_cs") // whose weights mix the levels
	return r
}

// narrow tells whether a space is one byte of the character set, and no other character has that byte.
func narrow(charset string) bool {
	switch charset {
	case "ucs2", "utf16", "utf16le", "utf32":
		return false
	}
	return true
}

// countable tells whether we can count the characters of the character set.
func countable(charset string) bool {
	switch charset {
	case "utf8mb4", "utf8mb3", "latin1", "ascii", "latin2", "cp1251", "koi8r", "cp850", "latin5", "latin7", "greek", "hebrew", "cp1250",
		"cp1256", "cp1257", "cp852", "cp866", "dec8", "geostd8", "armscii8", "hp8", "keybcs2", "koi8u", "macce", "macroman", "swe7", "tis620":
		return true
	}
	return false
}

// canonical returns the bytes that stand for text of a binary collation; false: the database must be asked.
func (r *textRule) canonical(b []byte) ([]byte, bool) {
	if !r.binary {
		return nil, false
	}
	if r.prefix > 0 {
		b = b[:r.prefixSize(b)]
	}
	if r.pad {
		b = bytes.TrimRight(b, " ")
	}
	return b, true
}

// prefixSize returns how many bytes the first prefix characters take.
func (r *textRule) prefixSize(b []byte) int {
	if !strings.HasPrefix(r.charset, "utf8") {
		return min(r.prefix, len(b))
	}
	at := 0
	for n := 0; n < r.prefix && at < len(b); n++ {
		_, size := utf8.DecodeRune(b[at:])
		at += size
	}
	return at
}

// appendQuestion appends what names a weight in the cache.
func (r *textRule) appendQuestion(b, value []byte) []byte {
	b = append(append(b, r.collation...), 0)
	b = binary.AppendUvarint(b, uint64(r.prefix))
	return append(b, value...)
}
