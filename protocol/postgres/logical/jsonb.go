package logical

import (
	"cmp"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/octant-db/octant/protocol/values"
)

// jsonbText writes a document as jsonb_out does: names sorted by length and then by bytes, numbers as numeric_out writes them; see
// JsonbToCString and escape_json in PostgreSQL's sources.
func jsonbText(text []byte) ([]byte, error) {
	doc, err := values.ParseJSON(text)
	if err != nil {
		return nil, err
	}
	return appendJSONB(make([]byte, 0, len(text)+len(text)/8), &doc)
}

func appendJSONB(b []byte, v *values.JSON) ([]byte, error) {
	switch v.Kind {
	case values.JSONNull:
		return append(b, "null"...), nil
	case values.JSONFalse:
		return append(b, "false"...), nil
	case values.JSONTrue:
		return append(b, "true"...), nil
	case values.JSONNumber:
		return appendJSONBNumber(b, v.Text)
	case values.JSONString:
		return appendJSONBString(b, v.Text)
	case values.JSONArray:
		return appendJSONBArray(b, v.Items)
	}
	return appendJSONBObject(b, v)
}

func appendJSONBArray(b []byte, items []values.JSON) ([]byte, error) {
	b = append(b, '[')
	var err error
	for i := range items {
		if i > 0 {
			b = append(b, ", "...)
		}
		if b, err = appendJSONB(b, &items[i]); err != nil {
			return b, err
		}
	}
	return append(b, ']'), nil
}

func appendJSONBObject(b []byte, v *values.JSON) ([]byte, error) {
	order := make([]int, len(v.Members))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int {
		return cmp.Or(cmp.Compare(len(v.Members[i]), len(v.Members[j])), cmp.Compare(v.Members[i], v.Members[j]))
	})
	b = append(b, '{')
	var err error
	for n, i := range order {
		if n > 0 {
			b = append(b, ", "...)
		}
		if b, err = appendJSONBString(b, v.Members[i]); err != nil {
			return b, err
		}
		if b, err = appendJSONB(append(b, ": "...), &v.Items[i]); err != nil {
			return b, err
		}
	}
	return append(b, '}'), nil
}

func appendJSONBString(b []byte, s string) ([]byte, error) {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == 0:
			return b, errNUL
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < ' ':
			if at := strings.IndexByte("\b\f\n\r\t", c); at >= 0 {
				b = append(b, '\\', "bfnrt"[at])
			} else {
				b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
			}
		default:
			b = append(b, c)
		}
	}
	return append(b, '"'), nil
}

// maxExponent bounds how long a number may become without its exponent. numeric ends at 131072 digits before the point and 16383 behind it.
const maxExponent = 16383

// appendJSONBNumber writes a number without an exponent: all digits that were given stay, as numeric keeps them.
func appendJSONBNumber(b []byte, text string) ([]byte, error) {
	mantissa, power, _ := strings.Cut(strings.ToLower(text), "e")
	exponent := 0
	if power != "" {
		var err error
		if exponent, err = strconv.Atoi(power); err != nil || exponent > maxExponent || exponent < -maxExponent {
			return b, errors.New("a number in the document is beyond the range of jsonb")
		}
	}
	digits, negative := strings.CutPrefix(mantissa, "-")
	whole, fraction, _ := strings.Cut(digits, ".")
	digits, point := whole+fraction, len(whole)+exponent
	if point < 0 {
		digits, point = strings.Repeat("0", -point)+digits, 0
	}
	if point > len(digits) {
		digits += strings.Repeat("0", point-len(digits))
	}
	if negative && strings.Trim(digits, "0") != "" {
		b = append(b, '-')
	}
	whole, fraction = strings.TrimLeft(digits[:point], "0"), digits[point:]
	if whole == "" {
		whole = "0"
	}
	b = append(b, whole...)
	if fraction != "" {
		b = append(append(b, '.'), fraction...)
	}
	return b, nil
}
