package rendition

import (
	"errors"
	"fmt"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/relay"
)

const (
	// varcharLimit is the longest text of a limited length that becomes VARCHAR: 768 characters of four bytes are what an index takes.
	varcharLimit = 768
	// keyLength is what text and bytes without a limit may have in a key.
	keyLength = 255
	// labelLength is what labels of an ENUM take. They go over as text: the order of labels differs once a label was put between others, and a number
	// would then mean another one.
	labelLength = 255
)

// The most that DECIMAL, TIME, CHAR and BIT of both servers have.
const (
	maxDigits   = 65
	maxScale    = 30
	maxFraction = 6
	maxChar     = 255
	maxBits     = 64
)

var errNoCounterpart = errors.New("it has no counterpart in MariaDB and MySQL")

// columnType returns the type, in the words of binlog.DefinedColumn, in which all values of another engine's column are at home that can be. Text has the collation of
// the table.
func columnType(t relay.Type, inKey, mysql bool) (word string, text bool, err error) {
	switch t.Kind {
	case relay.Bool:
		return "tinyint", false, nil
	case relay.Int, relay.Uint:
		return integerType(t), false, nil
	case relay.Year:
		return "year", false, nil
	case relay.Float32:
		return "float", false, nil
	case relay.Float64:
		return "double", false, nil
	case relay.Decimal:
		return decimalType(t), false, nil
	case relay.Text:
		return textType(t, inKey), true, nil
	case relay.Enum:
		return fmt.Sprintf("varchar(%d)", labelLength), true, nil
	case relay.Set:
		return textType(relay.Type{}, inKey), true, nil
	case relay.Binary:
		return binaryType(t, inKey), false, nil
	case relay.UUID:
		return "binary(16)", false, nil
	case relay.JSON:
		return documentType(mysql), !mysql, nil
	case relay.Date:
		return "date", false, nil
	case relay.Time, relay.Interval:
		return fraction("time", t), false, nil
	case relay.DateTime:
		return fraction("datetime", t), false, nil
	case relay.Timestamp:
		return fraction("timestamp", t), false, nil
	case relay.Bits:
		if t.Bits >= 1 && t.Bits <= maxBits {
			return fmt.Sprintf("bit(%d)", t.Bits), false, nil
		}
	}
	return "", false, fmt.Errorf("its type is %s: %w", t.Name, errNoCounterpart)
}

func integerType(t relay.Type) string {
	word := map[int]string{8: "tinyint", 16: "smallint", 24: "mediumint", 32: "int"}[t.Bits]
	if word == "" {
		word = "bigint"
	}
	if t.Kind == relay.Uint {
		word += " unsigned"
	}
	return word
}

// decimalType: numbers of any length get as much room on both sides of the point as there is.
func decimalType(t relay.Type) string {
	if t.Digits == 0 {
		return fmt.Sprintf("decimal(%d,%d)", maxDigits, maxScale)
	}
	scale := min(t.Scale, maxScale)
	return fmt.Sprintf("decimal(%d,%d)", min(t.Digits-t.Scale+scale, maxDigits), scale)
}

func textType(t relay.Type, inKey bool) string {
	switch {
	case t.Fixed && t.Length >= 1 && t.Length <= maxChar:
		return fmt.Sprintf("char(%d)", t.Length)
	case t.Length >= 1 && t.Length <= varcharLimit:
		return fmt.Sprintf("varchar(%d)", t.Length)
	case inKey:
		return fmt.Sprintf("varchar(%d)", keyLength)
	}
	return "longtext"
}

func binaryType(t relay.Type, inKey bool) string {
	switch {
	case t.Fixed && t.Length >= 1 && t.Length <= maxChar:
		return fmt.Sprintf("binary(%d)", t.Length)
	case t.Length >= 1 && t.Length <= varcharLimit:
		return fmt.Sprintf("varbinary(%d)", t.Length)
	case inKey:
		return fmt.Sprintf("varbinary(%d)", keyLength)
	}
	return "longblob"
}

// documentType: MariaDB's JSON is LONGTEXT.
func documentType(mysql bool) string {
	if mysql {
		return "json"
	}
	return "longtext"
}

// fraction: a type with no digits after the second is written with them all the same.
func fraction(word string, t relay.Type) string {
	return fmt.Sprintf("%s(%d)", word, min(t.Fraction, maxFraction))
}

// collation compares text as other engines do, by its bytes, and keeps spaces at the end.
func collation(flavour relay.Flavour) string {
	if flavour == binlog.MySQL {
		return "utf8mb4_0900_bin"
	}
	return "utf8mb4_nopad_bin"
}
