package values

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// appendCommon writes a document so that equal ones have equal bytes: names in order, numbers by their digits and exponent.
func (v *JSON) appendCommon(b []byte) []byte {
	switch v.Kind {
	case JSONNull:
		return append(b, 'n')
	case JSONFalse:
		return append(b, 'f')
	case JSONTrue:
		return append(b, 't')
	case JSONNumber:
		return appendCommonNumber(b, v.Text)
	case JSONString:
		return appendCommonString(b, v.Text)
	case JSONArray:
		b = append(b, '[')
		for i := range v.Items {
			b = append(v.Items[i].appendCommon(b), ',')
		}
		return append(b, ']')
	}
	b = append(b, '{')
	for _, i := range inOrder(v.Members) {
		b = append(appendCommonString(b, v.Members[i]), ':')
		b = append(v.Items[i].appendCommon(b), ',')
	}
	return append(b, '}')
}

func appendCommonString(b []byte, s string) []byte {
	return append(append(strconv.AppendInt(append(b, '"'), int64(len(s)), 10), '"'), s...)
}

// appendCommonNumber writes 1.50, 1.5 and 15e-1 as 15e-1.
func appendCommonNumber(b []byte, text string) []byte {
	mantissa, power, _ := strings.Cut(strings.ToLower(text), "e")
	digits, negative := strings.CutPrefix(mantissa, "-")
	whole, fraction, _ := strings.Cut(digits, ".")
	digits = strings.TrimLeft(whole+fraction, "0")
	if digits == "" {
		return append(b, '0')
	}
	short := strings.TrimRight(digits, "0")
	if negative {
		b = append(b, '-')
	}
	exponent, err := strconv.ParseInt(cmp.Or(power, "0"), 10, 64)
	b = append(append(b, short...), 'e')
	if err != nil { // beyond what any database has
		return append(b, text...)
	}
	return strconv.AppendInt(b, exponent-int64(len(fraction))+int64(len(digits)-len(short)), 10)
}

// inOrder returns the places of names in their order.
func inOrder(names []string) []int {
	places := make([]int, len(names))
	for i := range places {
		places[i] = i
	}
	slices.SortFunc(places, func(a, b int) int { return cmp.Compare(names[a], names[b]) })
	return places
}
