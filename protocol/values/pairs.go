package values

import (
	"fmt"
	"math"

	"github.com/octant-db/octant/relay"
)

// pair is the kinds of a value here and there.
type pair struct{ from, to relay.Kind }

// rule says how values of one kind become those of another.
type rule struct {
	// refused says in words which values have no counterpart, "" if all have one. ok is false if the types do not go together at all.
	refused func(from, to *relay.Type) (words string, ok bool)
	convert func(v relay.Value, from, to *relay.Type) (relay.Value, error)
}

// rules are all pairs that go together.
var rules = map[pair]rule{
	{relay.Bool, relay.Bool}:           {always, same},
	{relay.Bool, relay.Int}:            {always, boolToInteger},
	{relay.Bool, relay.Uint}:           {always, boolToInteger},
	{relay.Bool, relay.Bits}:           {oneBit, boolToBits},
	{relay.Int, relay.Bool}:            {only("what is neither 0 nor 1"), toBool},
	{relay.Uint, relay.Bool}:           {only("what is neither 0 nor 1"), toBool},
	{relay.Bits, relay.Bool}:           {oneBit, bitsToBool},
	{relay.Int, relay.Int}:             {integers, toInteger},
	{relay.Int, relay.Uint}:            {integers, toInteger},
	{relay.Uint, relay.Int}:            {integers, toInteger},
	{relay.Uint, relay.Uint}:           {integers, toInteger},
	{relay.Int, relay.Decimal}:         {integerToDecimal, integerToDecimalValue},
	{relay.Uint, relay.Decimal}:        {integerToDecimal, integerToDecimalValue},
	{relay.Decimal, relay.Int}:         {only("fractions, and numbers beyond the range"), decimalToInteger},
	{relay.Decimal, relay.Uint}:        {only("fractions, and numbers beyond the range"), decimalToInteger},
	{relay.Decimal, relay.Decimal}:     {decimals, toDecimal},
	{relay.Year, relay.Year}:           {always, same},
	{relay.Year, relay.Int}:            {yearToInteger, toInteger},
	{relay.Year, relay.Uint}:           {yearToInteger, toInteger},
	{relay.Int, relay.Year}:            {integerToYear, toYear},
	{relay.Uint, relay.Year}:           {integerToYear, toYear},
	{relay.Float32, relay.Float32}:     {always, retyped},
	{relay.Float32, relay.Float64}:     {always, retyped},
	{relay.Float64, relay.Float64}:     {always, retyped},
	{relay.Float64, relay.Float32}:     {only("what single precision does not hold exactly"), toSingle},
	{relay.Text, relay.Text}:           {texts, toText},
	{relay.Text, relay.JSON}:           {only("what is no JSON document"), toJSON},
	{relay.JSON, relay.Text}:           {shorter, toText},
	{relay.JSON, relay.JSON}:           {only("names that come twice in one object"), toJSON},
	{relay.Text, relay.Enum}:           {only("what is no label"), toEnum},
	{relay.Enum, relay.Text}:           {shorter, toText},
	{relay.Enum, relay.Enum}:           {labels, toEnum},
	{relay.Set, relay.Text}:            {shorter, toText},
	{relay.Text, relay.Set}:            {only("what is no list of labels in their order, commas between them"), toSet},
	{relay.Set, relay.Set}:             {labels, toSet},
	{relay.UUID, relay.UUID}:           {always, same},
	{relay.UUID, relay.Text}:           {shorter, uuidToText},
	{relay.Text, relay.UUID}:           {only("what is no UUID in lower case with hyphens"), textToUUID},
	{relay.UUID, relay.Binary}:         {uuidToBinary, retyped},
	{relay.Binary, relay.UUID}:         {binaryToUUID, retyped},
	{relay.Binary, relay.Binary}:       {binaries, toBinary},
	{relay.Bits, relay.Bits}:           {bits, toBits},
	{relay.Date, relay.Date}:           {always, same},
	{relay.Time, relay.Time}:           {fractions, toFraction},
	{relay.Time, relay.Interval}:       {fractions, toFraction},
	{relay.Interval, relay.Time}:       {only("days and months, and what is beyond the range"), intervalToTime},
	{relay.Interval, relay.Interval}:   {fractions, toFraction},
	{relay.DateTime, relay.DateTime}:   {fractions, toFraction},
	{relay.Timestamp, relay.Timestamp}: {fractions, toFraction},
	{relay.Geometry, relay.Geometry}:   {only("a SRID other than 0"), toGeometry},
}

// Refused says in words which values of a type have no counterpart in another, "" if all have one. ok is false if the types do not go together: then a
// table that has them is held. What only an engine knows of its own types (character sets, the range of its dates) comes on top.
func Refused(from, to relay.Type) (words string, ok bool) {
	r, ok := rules[pair{from.Kind, to.Kind}]
	if !ok {
		return "", false
	}
	return r.refused(&from, &to)
}

// Convert makes a value of one type one of another. An error says why it has no counterpart, without the value.
func Convert(v relay.Value, from, to *relay.Type) (relay.Value, error) {
	if v.Kind == relay.Null || v.Kind == relay.Missing {
		return v, nil
	}
	r, ok := rules[pair{from.Kind, to.Kind}]
	if !ok {
		return v, fmt.Errorf("%s and %s do not go together", from.Name, to.Name)
	}
	return r.convert(v, from, to)
}

func always(_, _ *relay.Type) (string, bool) { return "", true }

// boolToInteger: a plain integer is an Int where it fits into one, also of an unsigned type.
func boolToInteger(v relay.Value, _, _ *relay.Type) (relay.Value, error) {
	v.Kind = relay.Int
	return v, nil
}

// integerToYear has those integers that years fit into go together with them.
func integerToYear(from, to *relay.Type) (string, bool) {
	_, ok := yearToInteger(to, from)
	return "what is neither 0 nor 1901 to 2155", ok
}

func only(words string) func(_, _ *relay.Type) (string, bool) {
	return func(_, _ *relay.Type) (string, bool) { return words, true }
}

func same(v relay.Value, _, _ *relay.Type) (relay.Value, error) { return v, nil }

// retyped is for kinds whose plain values look the same.
func retyped(v relay.Value, _, to *relay.Type) (relay.Value, error) {
	v.Kind = to.Kind
	return v, nil
}

func oneBit(from, to *relay.Type) (string, bool) {
	if from.Kind == relay.Bits {
		to = from
	}
	return "", to.Bits == 1 && to.Fixed
}

// limits returns the smallest and the largest number that an integer type holds.
func limits(t *relay.Type) (low int64, high uint64) {
	bits := t.Bits
	if bits <= 0 || bits > 64 {
		bits = 64
	}
	if t.Kind == relay.Uint {
		return 0, math.MaxUint64 >> (64 - bits)
	}
	return -1 << (bits - 1), 1<<(bits-1) - 1
}

func integers(from, to *relay.Type) (string, bool) {
	low, high := limits(from)
	min, max := limits(to)
	switch {
	case low < min && high > max:
		return fmt.Sprintf("numbers outside %d to %d", min, max), true
	case low < min:
		return fmt.Sprintf("numbers below %d", min), true
	case high > max:
		return fmt.Sprintf("numbers above %d", max), true
	}
	return "", true
}

func yearToInteger(_, to *relay.Type) (string, bool) {
	_, high := limits(to)
	return "", high >= 2155
}

func integerToDecimal(from, to *relay.Type) (string, bool) {
	_, high := limits(from)
	if digits := to.Digits - to.Scale; to.Digits > 0 && (digits < 20 && math.Pow10(digits) <= float64(high)) {
		return fmt.Sprintf("numbers of more than %d digits", digits), true
	}
	return "", true
}

func decimals(from, to *relay.Type) (string, bool) {
	switch {
	case to.Digits == 0:
		return "", true
	case from.Digits == 0:
		return fmt.Sprintf("more than %d digits before the point or %d after it, NaN, infinity", to.Digits-to.Scale, to.Scale), true
	case from.Scale > to.Scale && from.Digits-from.Scale > to.Digits-to.Scale:
		return fmt.Sprintf("more than %d digits before the point or %d after it", to.Digits-to.Scale, to.Scale), true
	case from.Scale > to.Scale:
		return fmt.Sprintf("more than %d digits after the point", to.Scale), true
	case from.Digits-from.Scale > to.Digits-to.Scale:
		return fmt.Sprintf("more than %d digits before the point", to.Digits-to.Scale), true
	}
	return "", true
}

func texts(from, to *relay.Type) (string, bool) {
	words, _ := shorter(from, to)
	if to.Fixed && !from.Fixed {
		words = join(words, "spaces at the end")
	}
	return words, true
}

// shorter is for what becomes text of a limited length.
func shorter(from, to *relay.Type) (string, bool) {
	if to.Length > 0 && (from.Kind != relay.Text || from.Length == 0 || from.Length > to.Length) && !fitsAlways(from, to.Length) {
		return fmt.Sprintf("more than %d characters", to.Length), true
	}
	return "", true
}

// fitsAlways is for kinds whose texts have a length that is known.
func fitsAlways(from *relay.Type, length int) bool {
	switch from.Kind {
	case relay.UUID:
		return length >= 36
	case relay.Enum:
		for _, label := range from.Labels {
			if characters(label) > length {
				return false
			}
		}
		return true
	}
	return false
}

func labels(from, to *relay.Type) (string, bool) {
	for _, label := range from.Labels {
		if !contains(to.Labels, label) {
			return "labels that stand on one side only", true
		}
	}
	return "", true
}

func uuidToBinary(_, to *relay.Type) (string, bool) { return "", to.Length == 16 && to.Fixed }

func binaryToUUID(from, _ *relay.Type) (string, bool) { return "", from.Length == 16 && from.Fixed }

func binaries(from, to *relay.Type) (string, bool) {
	switch {
	case to.Fixed && (!from.Fixed || from.Length != to.Length):
		return fmt.Sprintf("what is not exactly %d bytes", to.Length), true
	case to.Length > 0 && (from.Length == 0 || from.Length > to.Length):
		return fmt.Sprintf("more than %d bytes", to.Length), true
	}
	return "", true
}

func bits(from, to *relay.Type) (string, bool) {
	switch {
	case to.Fixed && (!from.Fixed || from.Bits != to.Bits):
		return fmt.Sprintf("another number of bits than %d", to.Bits), true
	case to.Bits > 0 && (from.Bits == 0 || from.Bits > to.Bits):
		return fmt.Sprintf("more than %d bits", to.Bits), true
	}
	return "", true
}

func fractions(from, to *relay.Type) (string, bool) {
	if from.Fraction > to.Fraction {
		return fmt.Sprintf("more than %d digits of a second", to.Fraction), true
	}
	return "", true
}

func join(a, b string) string {
	if a == "" {
		return b
	}
	return a + ", " + b
}
