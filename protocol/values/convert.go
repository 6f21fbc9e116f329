package values

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/octant-db/octant/relay"
)

func boolToBits(v relay.Value, _, _ *relay.Type) (relay.Value, error) {
	return relay.Value{Kind: relay.Bits, Bytes: strconv.AppendInt(nil, v.Int, 2)}, nil
}

func bitsToBool(v relay.Value, _, _ *relay.Type) (relay.Value, error) {
	if len(v.Bytes) != 1 {
		return v, errors.New("it is not exactly 1 bit")
	}
	return relay.Value{Kind: relay.Bool, Int: int64(v.Bytes[0] - '0')}, nil
}

func toBool(v relay.Value, _, _ *relay.Type) (relay.Value, error) {
	if v.Kind != relay.Int || v.Int != 0 && v.Int != 1 {
		return v, errors.New("the number is neither 0 nor 1")
	}
	return relay.Value{Kind: relay.Bool, Int: v.Int}, nil
}

// Integer returns the plain value of a number without sign.
func Integer(n uint64) relay.Value {
	if n <= math.MaxInt64 {
		return relay.Value{Kind: relay.Int, Int: int64(n)}
	}
	return relay.Value{Kind: relay.Uint, Uint: n}
}

func toInteger(v relay.Value, _, to *relay.Type) (relay.Value, error) {
	if v.Kind == relay.Year {
		v = Integer(v.Uint)
	}
	low, high := limits(to)
	if v.Kind == relay.Uint && v.Uint > high || v.Kind == relay.Int && (v.Int < low || v.Int > 0 && uint64(v.Int) > high) {
		return v, fmt.Errorf("the number is beyond the range of %s", to.Name)
	}
	return v, nil
}

func toYear(v relay.Value, _, to *relay.Type) (relay.Value, error) {
	if v.Kind != relay.Int || v.Int != 0 && (v.Int < 1901 || v.Int > 2155) {
		return v, fmt.Errorf("the number is beyond the range of %s", to.Name)
	}
	return relay.Value{Kind: relay.Year, Uint: uint64(v.Int)}, nil
}

func integerToDecimalValue(v relay.Value, from, to *relay.Type) (relay.Value, error) {
	d := relay.Value{Kind: relay.Decimal}
	if v.Kind == relay.Uint {
		d.Bytes = strconv.AppendUint(nil, v.Uint, 10)
	} else {
		d.Bytes = strconv.AppendInt(nil, v.Int, 10)
	}
	return toDecimal(d, from, to)
}

func decimalToInteger(v relay.Value, from, to *relay.Type) (relay.Value, error) {
	whole, fraction, negative, err := splitDecimal(v.Bytes)
	if err != nil {
		return v, err
	}
	if len(bytes.TrimRight(fraction, "0")) > 0 {
		return v, fmt.Errorf("the number has a fraction, and %s has none", to.Name)
	}
	n, ok := new(big.Int).SetString("0"+string(whole), 10)
	if negative {
		n.Neg(n)
	}
	switch {
	case ok && n.IsInt64():
		return toInteger(relay.Value{Kind: relay.Int, Int: n.Int64()}, from, to)
	case ok && n.IsUint64():
		return toInteger(relay.Value{Kind: relay.Uint, Uint: n.Uint64()}, from, to)
	}
	return v, fmt.Errorf("the number is beyond the range of %s", to.Name)
}

// splitDecimal takes a plain decimal apart; leading zeros are left out.
func splitDecimal(b []byte) (whole, fraction []byte, negative bool, err error) {
	digits, negative := bytes.CutPrefix(b, []byte("-"))
	whole, fraction, _ = bytes.Cut(digits, []byte("."))
	if len(bytes.Trim(whole, "0123456789"))+len(bytes.Trim(fraction, "0123456789")) > 0 || len(digits) == 0 {
		return nil, nil, false, errors.New("it is no finite number")
	}
	return bytes.TrimLeft(whole, "0"), fraction, negative, nil
}

// toDecimal gives a number as many digits after the point as the type has.
func toDecimal(v relay.Value, _, to *relay.Type) (relay.Value, error) {
	whole, fraction, negative, err := splitDecimal(v.Bytes)
	if err != nil {
		if to.Digits == 0 {
			return v, nil // the engine says whether it has such a number
		}
		return v, err
	}
	if to.Digits > 0 {
		if fraction = bytes.TrimRight(fraction, "0"); len(fraction) > to.Scale || len(whole) > to.Digits-to.Scale {
			return v, fmt.Errorf("the number has more digits than %s", to.Name)
		}
	}
	b := make([]byte, 0, len(whole)+len(fraction)+to.Scale+3)
	if negative && len(whole)+len(bytes.Trim(fraction, "0")) > 0 {
		b = append(b, '-')
	}
	if b = append(b, whole...); len(whole) == 0 {
		b = append(b, '0')
	}
	if scale := max(len(fraction), to.Scale); scale > 0 {
		b = append(append(b, '.'), fraction...)
		b = append(b, bytes.Repeat([]byte("0"), scale-len(fraction))...)
	}
	return relay.Value{Kind: relay.Decimal, Bytes: b}, nil
}

func toSingle(v relay.Value, from, to *relay.Type) (relay.Value, error) {
	if f := float64(float32(v.Float)); f != v.Float && !math.IsNaN(v.Float) {
		return v, fmt.Errorf("%s does not hold the number exactly", to.Name)
	}
	return retyped(v, from, to)
}

func characters(s string) int { return utf8.RuneCountInString(s) }

func contains(list []string, s string) bool { return slices.Contains(list, s) }

func toText(v relay.Value, from, to *relay.Type) (relay.Value, error) {
	v.Kind = relay.Text
	if to.Fixed && !from.Fixed && bytes.HasSuffix(v.Bytes, []byte(" ")) {
		return v, fmt.Errorf("%s does not keep the spaces at the end", to.Name)
	}
	if to.Length > 0 && len(v.Bytes) > to.Length && utf8.RuneCount(v.Bytes) > to.Length {
		return v, fmt.Errorf("the text is longer than %s", to.Name)
	}
	return v, nil
}

func toEnum(v relay.Value, _, to *relay.Type) (relay.Value, error) {
	if !contains(to.Labels, string(v.Bytes)) {
		return v, fmt.Errorf("the text is no label of %s", to.Name)
	}
	v.Kind = relay.Enum
	return v, nil
}

// toSet takes only what comes back the same: labels in their order, each once.
func toSet(v relay.Value, _, to *relay.Type) (relay.Value, error) {
	v.Kind = relay.Set
	if len(v.Bytes) == 0 {
		return v, nil
	}
	last := -1
	for label := range strings.SplitSeq(string(v.Bytes), ",") {
		at := slices.Index(to.Labels, label)
		if at <= last {
			return v, fmt.Errorf("the text is no list of labels of %s in their order", to.Name)
		}
		last = at
	}
	return v, nil
}

// uuidParts are the lengths of the groups between hyphens, in bytes.
var uuidParts = [...]int{4, 2, 2, 2, 6}

// UUIDText writes a UUID in lower case with hyphens.
func UUIDText(b []byte) []byte {
	text := make([]byte, 0, 36)
	for i, n := range uuidParts {
		if i > 0 {
			text = append(text, '-')
		}
		text = hex.AppendEncode(text, b[:n])
		b = b[n:]
	}
	return text
}

func uuidToText(v relay.Value, from, to *relay.Type) (relay.Value, error) {
	if len(v.Bytes) != 16 {
		return v, errors.New("it has not the length of a UUID")
	}
	return toText(relay.Value{Kind: relay.Text, Bytes: UUIDText(v.Bytes)}, from, to)
}

func textToUUID(v relay.Value, _, _ *relay.Type) (relay.Value, error) {
	b, err := hex.DecodeString(strings.ReplaceAll(string(v.Bytes), "-", ""))
	if err != nil || len(b) != 16 || !bytes.Equal(UUIDText(b), v.Bytes) {
		return v, errors.New("the text is no UUID in lower case with hyphens")
	}
	return relay.Value{Kind: relay.UUID, Bytes: b}, nil
}

func toBinary(v relay.Value, _, to *relay.Type) (relay.Value, error) {
	switch {
	case to.Fixed && len(v.Bytes) != to.Length:
		return v, fmt.Errorf("it has not the length of %s", to.Name)
	case to.Length > 0 && len(v.Bytes) > to.Length:
		return v, fmt.Errorf("it is longer than %s", to.Name)
	}
	return v, nil
}

// toGeometry takes what has no reference system: with one, servers differ in which axis comes first.
func toGeometry(v relay.Value, _, _ *relay.Type) (relay.Value, error) {
	if len(v.Bytes) < 4 || [4]byte(v.Bytes) != [4]byte{} {
		return v, errors.New("the geometry has a SRID, and other engines may take its axes in another order")
	}
	return v, nil
}

func toBits(v relay.Value, _, to *relay.Type) (relay.Value, error) {
	if to.Fixed && len(v.Bytes) != to.Bits || to.Bits > 0 && len(v.Bytes) > to.Bits {
		return v, fmt.Errorf("it has not the length of %s", to.Name)
	}
	return v, nil
}
