package values

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/octant-db/octant/relay"
)

// TrimFraction takes zeros off the end of a fraction of seconds.
func TrimFraction(text []byte) []byte {
	if bytes.IndexByte(text, '.') < 0 {
		return text
	}
	return bytes.TrimSuffix(bytes.TrimRight(text, "0"), []byte("."))
}

// PadFraction gives a time as many digits after the seconds as are asked for. It has no more.
func PadFraction(b, text []byte, digits int) []byte {
	b = append(b, text...)
	if digits == 0 {
		return b
	}
	at := bytes.IndexByte(text, '.')
	if at < 0 {
		b, at = append(b, '.'), len(text)
	}
	for n := len(text) - at - 1; n < digits; n++ {
		b = append(b, '0')
	}
	return b
}

// toFraction looks at the digits after the seconds.
func toFraction(v relay.Value, _, to *relay.Type) (relay.Value, error) {
	v.Kind = to.Kind
	if at := bytes.IndexByte(v.Bytes, '.'); at >= 0 && fractionDigits(v.Bytes[at+1:]) > to.Fraction {
		return v, fmt.Errorf("the time is finer than %s", to.Name)
	}
	return v, nil
}

// fractionDigits counts the digits that b begins with.
func fractionDigits(b []byte) int {
	return len(b) - len(bytes.TrimLeft(b, "0123456789"))
}

func intervalToTime(v relay.Value, from, to *relay.Type) (relay.Value, error) {
	if !clock(v.Bytes) {
		return v, errors.New("the interval has days or months")
	}
	return toFraction(v, from, to)
}

// clock tells whether a text is "[-]hh:mm:ss[.f]", with two digits of hours or more.
func clock(text []byte) bool {
	text = bytes.TrimPrefix(text, []byte("-"))
	parts := bytes.Split(text, []byte(":"))
	if len(parts) != 3 || len(parts[0]) < 2 || len(parts[1]) != 2 {
		return false
	}
	whole, fraction, _ := bytes.Cut(parts[2], []byte("."))
	for _, part := range [][]byte{parts[0], parts[1], whole, fraction} {
		if fractionDigits(part) != len(part) {
			return false
		}
	}
	return len(whole) == 2
}
