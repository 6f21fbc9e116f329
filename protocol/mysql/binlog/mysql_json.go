package binlog

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// JSON columns are stored as sql-common/json_binary.h in MySQL says: a type and a value, where objects and arrays have a table of
// entries with offsets from their own beginning, small ones with 16 bits and large ones with 32.
const (
	jsonSmallObject = 0x00
	jsonLargeObject = 0x01
	jsonSmallArray  = 0x02
	jsonLargeArray  = 0x03
	jsonLiteral     = 0x04
	jsonInt16       = 0x05
	jsonUint16      = 0x06
	jsonInt32       = 0x07
	jsonUint32      = 0x08
	jsonInt64       = 0x09
	jsonUint64      = 0x0a
	jsonDouble      = 0x0b
	jsonString      = 0x0c
	jsonOpaque      = 0x0f
)

// jsonDepth is how deep documents may be; servers allow 100 levels.
const jsonDepth = 100

// jsonText writes a stored document as text, as SELECT shows it. Values that JSON has no form for (decimals, times, other SQL types)
// come as numbers and strings, so their type is lost. What grows beyond any honest document is ErrMalformed: entries can point at
// the same bytes again and again.
func jsonText(doc []byte) ([]byte, error) {
	if len(doc) == 0 {
		return []byte("null"), nil // what a column without a document counts as
	}
	w := jsonWriter{out: make([]byte, 0, 2*len(doc)), limit: 16*len(doc) + 64}
	if !w.value(doc[0], doc[1:], 0) {
		return nil, fmt.Errorf("read JSON document: %w", ErrMalformed)
	}
	return w.out, nil
}

type jsonWriter struct {
	out   []byte
	limit int
}

// value writes the value that b begins with; false if there is none.
func (w *jsonWriter) value(typ byte, b []byte, depth int) bool {
	if depth > jsonDepth || len(w.out) > w.limit {
		return false
	}
	switch typ {
	case jsonSmallObject, jsonSmallArray, jsonLargeObject, jsonLargeArray:
		return w.container(typ, b, depth)
	case jsonString:
		text, ok := jsonBytes(b)
		return ok && w.text(text)
	case jsonOpaque:
		return w.opaque(b)
	}
	return w.scalar(typ, b)
}

// scalar writes literals and numbers.
func (w *jsonWriter) scalar(typ byte, b []byte) bool {
	size := jsonSize(typ)
	if size == 0 || len(b) < size {
		return false
	}
	switch b = b[:size]; typ {
	case jsonLiteral:
		return w.literal(b[0])
	case jsonInt16, jsonInt32, jsonInt64:
		w.out = strconv.AppendInt(w.out, signed(b), 10)
	case jsonUint16, jsonUint32, jsonUint64:
		w.out = strconv.AppendUint(w.out, unsigned(b), 10)
	default:
		return w.double(math.Float64frombits(unsigned(b)))
	}
	return true
}

// jsonSize is how many bytes a literal or number has; 0 for what is neither.
func jsonSize(typ byte) int {
	switch typ {
	case jsonLiteral:
		return 1
	case jsonInt16, jsonUint16:
		return 2
	case jsonInt32, jsonUint32:
		return 4
	case jsonInt64, jsonUint64, jsonDouble:
		return 8
	}
	return 0
}

func (w *jsonWriter) literal(n byte) bool {
	words := [...]string{"null", "true", "false"}
	if int(n) >= len(words) {
		return false
	}
	w.out = append(w.out, words[n]...)
	return true
}

// double writes what reads as a double again, as my_gcvt in MySQL's strings/dtoa.cc does: 1 is "1.0", 1e15 is "1e15".
func (w *jsonWriter) double(f float64) bool {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return false
	}
	if a := math.Abs(f); a != 0 && (a < 1e-15 || a >= 1e15) {
		text := strconv.FormatFloat(f, 'e', -1, 64)
		mantissa, exponent, _ := strings.Cut(text, "e")
		digits := strings.TrimLeft(exponent[1:], "0")
		w.out = append(append(append(w.out, mantissa...), 'e'), strings.TrimPrefix(exponent[:1], "+")+digits...)
		return true
	}
	text := strconv.FormatFloat(f, 'f', -1, 64)
	w.out = append(w.out, text...)
	if !strings.Contains(text, ".") {
		w.out = append(w.out, ".0"...)
	}
	return true
}

// jsonTable is the list of entries at the front of an object or array.
type jsonTable struct {
	all   []byte // from the container's own beginning
	count int
	width int // of offsets: 2 or 4 bytes
	keys  int // where the entries of keys begin; 0: an array
	items int // where those of values begin
}

func newJSONTable(typ byte, b []byte) (t jsonTable, ok bool) {
	t.width = 2
	if typ == jsonLargeObject || typ == jsonLargeArray {
		t.width = 4
	}
	if len(b) < 2*t.width {
		return t, false
	}
	count, size := unsigned(b[:t.width]), unsigned(b[t.width:2*t.width])
	if size > uint64(len(b)) || count > size {
		return t, false
	}
	t.all, t.count, t.items = b[:size], int(count), 2*t.width
	if typ == jsonSmallObject || typ == jsonLargeObject {
		t.keys = t.items
		t.items += t.count * (t.width + 2)
	}
	return t, t.items+t.count*(t.width+1) <= len(t.all)
}

func (w *jsonWriter) container(typ byte, b []byte, depth int) bool {
	t, ok := newJSONTable(typ, b)
	if !ok {
		return false
	}
	brackets := "[]"
	if t.keys > 0 {
		brackets = "{}"
	}
	w.out = append(w.out, brackets[0])
	for i := range t.count {
		if i > 0 {
			w.out = append(w.out, ", "...)
		}
		if t.keys > 0 && !w.key(&t, i) || !w.item(&t, i, depth) {
			return false
		}
	}
	w.out = append(w.out, brackets[1])
	return true
}

func (w *jsonWriter) key(t *jsonTable, i int) bool {
	at := t.keys + i*(t.width+2)
	from := unsigned(t.all[at : at+t.width])
	size := uint64(binary.LittleEndian.Uint16(t.all[at+t.width:]))
	if from+size > uint64(len(t.all)) || !w.text(t.all[from:from+size]) {
		return false
	}
	w.out = append(w.out, ": "...)
	return true
}

// item writes a value, which stands in its entry if it is small enough.
func (w *jsonWriter) item(t *jsonTable, i, depth int) bool {
	at := t.items + i*(t.width+1)
	typ, entry := t.all[at], t.all[at+1:at+1+t.width]
	if inline(typ, t.width) {
		return w.value(typ, entry, depth+1)
	}
	from := unsigned(entry)
	return from < uint64(len(t.all)) && w.value(typ, t.all[from:], depth+1)
}

// text writes a string in quotes.
func (w *jsonWriter) text(s []byte) bool {
	if !utf8.Valid(s) {
		return false
	}
	const hex = "0123456789abcdef"
	w.out = append(w.out, '"')
	for _, c := range s {
		switch short := jsonEscape(c); {
		case short != 0:
			w.out = append(w.out, '\\', short)
		case c < ' ':
			w.out = append(w.out, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			w.out = append(w.out, c)
		}
	}
	w.out = append(w.out, '"')
	return len(w.out) <= w.limit
}

// jsonEscape returns what stands after the backslash for a character that has a short form; 0 for others.
func jsonEscape(c byte) byte {
	switch c {
	case '"', '\\':
		return c
	case '\b':
		return 'b'
	case '\f':
		return 'f'
	case '\n':
		return 'n'
	case '\r':
		return 'r'
	case '\t':
		return 't'
	}
	return 0
}

// jsonBytes reads bytes with their length in front: seven bits in each of at most five bytes, the lowest first.
func jsonBytes(b []byte) ([]byte, bool) {
	n := uint64(0)
	for i := 0; i < 5 && i < len(b); i++ {
		n |= uint64(b[i]&0x7f) << (7 * i)
		if b[i]&0x80 == 0 {
			b = b[i+1:]
			if n > uint64(len(b)) {
				return nil, false
			}
			return b[:n], true
		}
	}
	return nil, false
}

// opaque writes a value of an SQL type.
func (w *jsonWriter) opaque(b []byte) bool {
	if len(b) == 0 {
		return false
	}
	typ := b[0]
	data, ok := jsonBytes(b[1:])
	if !ok {
		return false
	}
	switch typ {
	case typeNewDecimal:
		if len(data) < 3 || data[0] > 65 || data[1] > 38 || data[1] > data[0] || len(data)-2 != decimalSize(int(data[0]), int(data[1])) {
			return false
		}
		w.out, ok = appendDecimal(w.out, data[2:], int(data[0]), int(data[1]))
		return ok
	case typeDate, typeTime, typeDateTime, typeTimestamp:
		return w.temporal(typ, data)
	}
	w.out = append(w.out, `"base64:type`...)
	w.out = append(strconv.AppendUint(w.out, uint64(typ), 10), ':')
	w.out = append(base64.StdEncoding.AppendEncode(w.out, data), '"')
	return true
}

// temporal writes dates and times: the packed form of my_time.cc, with microseconds in the lowest 24 bits.
func (w *jsonWriter) temporal(typ byte, data []byte) bool {
	if len(data) != 8 {
		return false
	}
	n := int64(binary.LittleEndian.Uint64(data))
	w.out = append(w.out, '"')
	if n < 0 {
		w.out, n = append(w.out, '-'), -n
	}
	whole, micro := int(n>>24), uint64(n&(1<<24-1))
	switch day := whole >> 17; {
	case typ == typeTime:
		w.out = appendClock(w.out, whole>>12&1023, whole>>6&63, whole&63)
	default:
		w.out = appendDate(w.out, day>>5/13, day>>5%13, day&31)
		if typ != typeDate {
			w.out = appendClock(append(w.out, ' '), whole>>12&31, whole>>6&63, whole&63)
		}
	}
	if typ != typeDate {
		w.out = appendFraction(w.out, micro, 6)
	}
	w.out = append(w.out, '"')
	return true
}
