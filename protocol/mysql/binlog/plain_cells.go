package binlog

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/octant-db/octant/protocol/values"
	"github.com/octant-db/octant/relay"
)

func appendLittle(b []byte, n uint64, size int) []byte {
	return append(b, binary.LittleEndian.AppendUint64(nil, n)[:size]...)
}

func appendBig(b []byte, n uint64, size int) []byte {
	return append(b, binary.BigEndian.AppendUint64(nil, n)[8-size:]...)
}

var errNegative = errors.New("the number is negative, and the column is UNSIGNED")

func (c *column) appendFloat(b []byte, f float64) ([]byte, error) {
	switch {
	case math.IsNaN(f) || math.IsInf(f, 0):
		return b, errors.New("the number is not finite, and the database has only those that are")
	case c.unsigned && f < 0:
		return b, errNegative
	case c.typ == typeFloat:
		return binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(f))), nil
	}
	return binary.LittleEndian.AppendUint64(b, math.Float64bits(f)), nil
}

func (c *column) appendDecimal(b, text []byte) ([]byte, error) {
	if c.unsigned && bytes.HasPrefix(text, []byte("-")) {
		return b, errNegative
	}
	cell, err := c.decimal(string(text))
	return append(b, cell...), err
}

var errNoDate = errors.New("the database has no such date or time")

// appendPlainDate takes zero and partial dates too: they come from servers that have them.
func appendPlainDate(b, text []byte) ([]byte, error) {
	year, month, day, ok := parseDate(string(text))
	if !ok {
		return b, errNoDate
	}
	return appendLittle(b, uint64(year<<9|month<<5|day), 3), nil
}

func parseDate(text string) (year, month, day int, ok bool) {
	if len(text) != len(time.DateOnly) || text[4] != '-' || text[7] != '-' {
		return 0, 0, 0, false
	}
	n, ok := numbers(text[:4], text[5:7], text[8:])
	if !ok || n[1] > 12 || n[2] > 31 {
		return 0, 0, 0, false
	}
	return n[0], n[1], n[2], true
}

// numbers reads words that are digits alone.
func numbers(words ...string) ([]int, bool) {
	list := make([]int, len(words))
	for i, word := range words {
		n, err := strconv.ParseUint(word, 10, 31)
		if err != nil {
			return nil, false
		}
		list[i] = int(n)
	}
	return list, true
}

// parseClock reads "hh:mm:ss[.f]" and returns the seconds in the packed form of all temporal types, and the fraction in millionths.
func parseClock(text string) (packed, micro int, ok bool) {
	whole, fraction, _ := strings.Cut(text, ".")
	words := strings.Split(whole, ":")
	if len(words) != 3 || len(fraction) > 6 {
		return 0, 0, false
	}
	n, ok := numbers(append(words, fraction+strings.Repeat("0", 6-len(fraction)))...)
	if !ok || n[1] > 59 || n[2] > 59 || n[0] > 838 {
		return 0, 0, false
	}
	return n[0]<<12 | n[1]<<6 | n[2], n[3], true
}

func (c *column) appendTemporal(b, text []byte) ([]byte, error) {
	var whole uint64
	var micro int
	var ok bool
	size := map[byte]int{typeTime2: 3, typeDateTime2: 5, typeTimestamp2: 4}[c.typ]
	switch c.typ {
	case typeTime2:
		return c.appendTime(b, string(text))
	case typeDateTime2:
		whole, micro, ok = packDateTime(string(text))
	default:
		whole, micro, ok = packTimestamp(string(text))
	}
	if !ok {
		return b, errNoDate
	}
	return c.appendFraction(appendBig(b, whole, size), micro), nil
}

func (c *column) appendFraction(b []byte, micro int) []byte {
	size := (int(c.fraction) + 1) / 2
	return appendBig(b, uint64(micro)/pow10(6-2*size), size)
}

// packDateTime is the reverse of appendDateTime2.
func packDateTime(text string) (uint64, int, bool) {
	date, clock, _ := strings.Cut(text, " ")
	year, month, day, ok := parseDate(date)
	seconds, micro, okClock := parseClock(clock)
	if !ok || !okClock || seconds>>12 > 23 {
		return 0, 0, false
	}
	return 1<<39 | uint64(year*13+month)<<22 | uint64(day)<<17 | uint64(seconds), micro, true
}

// zeroTimestamp is what servers have that know zero dates.
const zeroTimestamp = "0000-00-00 00:00:00"

// packTimestamp takes what fits into 31 bits: 1970-01-01 00:00:01 to 2038-01-19 03:14:07, and the zero timestamp.
func packTimestamp(text string) (uint64, int, bool) {
	if text == zeroTimestamp {
		return 0, 0, true
	}
	t, err := time.Parse(time.DateTime, text) // takes a fraction too
	if err != nil || t.Unix() < 1 || t.Unix() > math.MaxInt32 {
		return 0, 0, false
	}
	return uint64(t.Unix()), t.Nanosecond() / 1000, true
}

// maxTime is 838:59:59, the end of TIME's range.
const maxTime = 838<<12 | 59<<6 | 59

// appendTime is the reverse of appendTime2.
func (c *column) appendTime(b []byte, text string) ([]byte, error) {
	digits, negative := strings.CutPrefix(text, "-")
	packed, micro, ok := parseClock(digits)
	if !ok || packed > maxTime || packed == maxTime && micro > 0 {
		return b, errNoDate
	}
	size := (int(c.fraction) + 1) / 2
	n := int64(packed)<<(8*size) | int64(uint64(micro)/pow10(6-2*size))
	if negative {
		n = -n
	}
	return appendBig(b, uint64(n+1<<(8*(3+size)-1)), 3+size), nil
}

// appendString appends text in the column's character set, its length in front.
func (c *column) appendString(b []byte, charset string, text []byte) ([]byte, error) {
	encoded, ok := fromUTF8(charset, text)
	if !ok {
		return b, fmt.Errorf("the text has a character that %s lacks", charset)
	}
	return c.appendBytes(b, encoded)
}

// appendBytes appends bytes, their length in front. Zero bytes at the end of BINARY(n) are left out, as the server does.
func (c *column) appendBytes(b, data []byte) ([]byte, error) {
	if c.typ == typeBlobCompressed || c.typ == typeVarcharCompressed {
		return b, errors.New("COMPRESSED columns are not written for other engines: make it an ordinary one")
	}
	if c.typ == typeString && c.kind == relay.Binary {
		data = bytes.TrimRight(data, "\x00")
	}
	most := c.length
	if c.typ == typeBlob || c.typ == typeGeometry || c.typ == typeJSON {
		most = 1<<(8*c.prefix) - 1
	}
	if len(data) > most {
		return b, fmt.Errorf("it is longer than the %d bytes that the column takes", most)
	}
	return append(appendLittle(b, uint64(len(data)), int(c.prefix)), data...), nil
}

// labelNumber is what an ENUM or SET stores. The labels are the type's: it was converted.
func labelNumber(t *relay.Type, text string) uint64 {
	if t.Kind == relay.Enum {
		return uint64(slices.Index(t.Labels, text) + 1)
	}
	var n uint64
	for label := range strings.SplitSeq(text, ",") {
		if i := slices.Index(t.Labels, label); i >= 0 {
			n |= 1 << i
		}
	}
	return n
}

// jsonBinary writes a document as MySQL stores it: the reverse of jsonText.
func jsonBinary(text []byte) ([]byte, error) {
	doc, err := values.ParseJSON(text)
	if err != nil {
		return nil, err
	}
	typ, body, err := jsonStored(&doc)
	return append([]byte{typ}, body...), err
}
