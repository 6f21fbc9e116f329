package binlog

import (
	"encoding/hex"
	"math"
	"strconv"

	"github.com/octant-db/octant/relay"
)

// AppendLiteral appends a value as a MariaDB expression that gives exactly it when assigned to the column. Strings are
// written in hexadecimal, so that neither the session's character set nor its sql_mode matters for them. The session must have
// time_zone = '+00:00' for timestamps, and a sql_mode without STRICT_TRANS_TABLES, STRICT_ALL_TABLES, NO_ZERO_DATE and
// NO_ZERO_IN_DATE and with ALLOW_INVALID_DATES for odd dates and the ENUM error value.
func AppendLiteral(dst []byte, col relay.Column, v relay.Value) []byte {
	switch v.Kind {
	case relay.Null:
		return append(dst, "NULL"...)
	case relay.Int:
		return strconv.AppendInt(dst, v.Int, 10)
	case relay.Uint, relay.Enum, relay.Set:
		return strconv.AppendUint(dst, v.Uint, 10)
	case relay.Float32, relay.Float64:
		// Seventeen digits and an exponent make a DOUBLE, which holds every FLOAT.
		return strconv.AppendFloat(dst, v.Float, 'e', 16, 64)
	case relay.Decimal:
		return append(dst, v.Bytes...)
	case relay.Date, relay.Time, relay.DateTime, relay.Timestamp:
		return append(append(append(dst, '\''), v.Bytes...), '\'')
	case relay.Text:
		return appendHexLiteral(appendIntroducer(dst, col.Charset), v.Bytes)
	case relay.JSON:
		return appendHexLiteral(appendIntroducer(dst, "utf8mb4"), v.Bytes)
	default: // Binary, Bits, UUID, Inet, Geometry
		return appendHexLiteral(dst, v.Bytes)
	}
}

func appendIntroducer(dst []byte, charset string) []byte {
	if charset == "" {
		return dst
	}
	return append(append(append(dst, '_'), charset...), ' ')
}

func appendHexLiteral(dst, b []byte) []byte {
	dst = append(dst, 'x', '\'')
	return append(hex.AppendEncode(dst, b), '\'')
}

// AppendIdentifier appends a name in backticks.
func AppendIdentifier(dst []byte, name string) []byte {
	dst = append(dst, '`')
	for i := range len(name) {
		if name[i] == '`' {
			dst = append(dst, '`')
		}
		dst = append(dst, name[i])
	}
	return append(dst, '`')
}

// AppendTable appends `schema`.`table`.
func AppendTable(dst []byte, t *relay.Table) []byte {
	return AppendIdentifier(append(AppendIdentifier(dst, t.Schema), '.'), t.Name)
}

// AppendJSON appends a value as JSON for people to read: text in UTF-8, or "0x…" where its character set is not known; binary strings as
// "0x…"; ENUM and SET by their labels.
func AppendJSON(dst []byte, col relay.Column, v relay.Value) []byte {
	switch v.Kind {
	case relay.Null:
		return append(dst, "null"...)
	case relay.Int:
		return strconv.AppendInt(dst, v.Int, 10)
	case relay.Uint:
		return strconv.AppendUint(dst, v.Uint, 10)
	case relay.Float32:
		return appendJSONFloat(dst, v.Float, 32)
	case relay.Float64:
		return appendJSONFloat(dst, v.Float, 64)
	case relay.Decimal:
		return append(dst, v.Bytes...)
	case relay.Date, relay.Time, relay.DateTime, relay.Timestamp:
		return append(append(append(dst, '"'), v.Bytes...), '"')
	case relay.Text:
		return appendJSONText(dst, col.Charset, v.Bytes)
	case relay.JSON:
		return appendJSONText(dst, "utf8mb4", v.Bytes)
	case relay.Enum, relay.Set:
		return appendJSONLabels(dst, col, v)
	default: // Binary, Bits, UUID, Inet, Geometry
		return appendJSONHex(dst, v.Bytes)
	}
}

func appendJSONFloat(dst []byte, f float64, bits int) []byte {
	if math.IsInf(f, 0) || math.IsNaN(f) {
		return append(dst, "null"...)
	}
	return strconv.AppendFloat(dst, f, 'g', -1, bits)
}

func appendJSONHex(dst, b []byte) []byte {
	return append(hex.AppendEncode(append(dst, `"0x`...), b), '"')
}

func appendJSONLabels(dst []byte, col relay.Column, v relay.Value) []byte {
	if v.Kind == relay.Enum {
		if v.Uint == 0 || v.Uint > uint64(len(col.Labels)) {
			return append(dst, `""`...)
		}
		return appendJSONText(dst, col.Charset, []byte(col.Labels[v.Uint-1]))
	}
	dst, first := append(dst, '['), true
	for i, label := range col.Labels {
		if v.Uint&(1<<i) == 0 {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		dst, first = appendJSONText(dst, col.Charset, []byte(label)), false
	}
	return append(dst, ']')
}
