package binlog

import (
	"cmp"
	"encoding/binary"
	"errors"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/octant-db/octant/protocol/values"
)

// jsonStored returns the type and the bytes of a value; see serialize_json_value in MySQL's sql-common/json_binary.cc.
func jsonStored(v *values.JSON) (byte, []byte, error) {
	switch v.Kind {
	case values.JSONNull, values.JSONTrue, values.JSONFalse:
		return jsonLiteral, []byte{map[values.JSONKind]byte{values.JSONNull: 0, values.JSONTrue: 1, values.JSONFalse: 2}[v.Kind]}, nil
	case values.JSONNumber:
		return jsonNumber(v.Text)
	case values.JSONString:
		return jsonString, append(appendJSONSize(nil, len(v.Text)), v.Text...), nil
	case values.JSONArray:
		return storeContainer(v.Items, nil)
	}
	order := make([]int, len(v.Members))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int { // see Json_key_comparator
		return cmp.Or(cmp.Compare(len(v.Members[i]), len(v.Members[j])), cmp.Compare(v.Members[i], v.Members[j]))
	})
	items, names := make([]values.JSON, len(order)), make([]string, len(order))
	for n, i := range order {
		items[n], names[n] = v.Items[i], v.Members[i]
	}
	return storeContainer(items, names)
}

// appendJSONSize appends a length, seven bits in each byte, the lowest first.
func appendJSONSize(b []byte, n int) []byte { return binary.AppendUvarint(b, uint64(n)) }

var errJSONNumber = errors.New("a number in the document is one that MySQL's JSON does not hold exactly")

// jsonNumber stores what MySQL makes of a number's text: an integer, or a double.
func jsonNumber(text string) (byte, []byte, error) {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && n <= math.MaxUint32 {
		switch {
		case n == int64(int16(n)):
			return jsonInt16, appendLittle(nil, uint64(n), 2), nil
		case n == int64(int32(n)):
			return jsonInt32, appendLittle(nil, uint64(n), 4), nil
		}
		return jsonInt64, appendLittle(nil, uint64(n), 8), nil
	}
	if n, err := strconv.ParseUint(text, 10, 64); err == nil {
		return jsonUint64, appendLittle(nil, n, 8), nil
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || !saysExactly(f, text) {
		return 0, nil, errJSONNumber
	}
	return jsonDouble, appendLittle(nil, math.Float64bits(f), 8), nil
}

// saysExactly tells whether a double, written with as few digits as tell it apart, is the number that a text says.
func saysExactly(f float64, text string) bool {
	if _, power, ok := strings.Cut(strings.ToLower(text), "e"); ok && len(power) > 5 {
		return false // too far out to be looked at
	}
	said, ok := new(big.Rat).SetString(text)
	shown, okShown := new(big.Rat).SetString(strconv.FormatFloat(f, 'e', -1, 64))
	return ok && okShown && said.Cmp(shown) == 0
}

var errJSONName = errors.New("a name in the document is longer than 65535 bytes")

// storeContainer stores an array, or an object if there are names. It is a small one if its offsets fit into 16 bits.
func storeContainer(items []values.JSON, names []string) (byte, []byte, error) {
	types, bodies := make([]byte, len(items)), make([][]byte, len(items))
	for i := range items {
		var err error
		if types[i], bodies[i], err = jsonStored(&items[i]); err != nil {
			return 0, nil, err
		}
	}
	for _, name := range names {
		if len(name) > math.MaxUint16 {
			return 0, nil, errJSONName
		}
	}
	typ := byte(jsonSmallArray)
	if names != nil {
		typ = jsonSmallObject
	}
	if b := layOut(types, bodies, names, 2); len(b) <= math.MaxUint16 {
		return typ, b, nil
	}
	return typ + 1, layOut(types, bodies, names, 4), nil
}

// layOut writes a container whose offsets have so many bytes: count, size, entries of names, entries of values, names, values.
func layOut(types []byte, bodies [][]byte, names []string, width int) []byte {
	head := 2*width + len(types)*(1+width) + len(names)*(width+2)
	b := make([]byte, 2*width, head)
	at := head
	for _, name := range names {
		b = binary.LittleEndian.AppendUint16(appendLittle(b, uint64(at), width), uint16(len(name)))
		at += len(name)
	}
	for i, body := range bodies {
		b = append(b, types[i])
		if inline(types[i], width) {
			b = appendLittle(b, unsigned(body), width)
			continue
		}
		b = appendLittle(b, uint64(at), width)
		at += len(body)
	}
	for _, name := range names {
		b = append(b, name...)
	}
	for i, body := range bodies {
		if !inline(types[i], width) {
			b = append(b, body...)
		}
	}
	copy(b, appendLittle(nil, uint64(len(types)), width))
	copy(b[width:], appendLittle(nil, uint64(len(b)), width))
	return b
}

// inline tells whether a value stands in its entry.
func inline(typ byte, width int) bool {
	return typ == jsonLiteral || typ == jsonInt16 || typ == jsonUint16 || width == 4 && (typ == jsonInt32 || typ == jsonUint32)
}
