package compare

import (
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/octant-db/octant/protocol/mysql/binlog"
)

// column is a column as the database has it now.
type column struct {
	name      string
	kind      string // DATA_TYPE: "varchar"
	typ       string // COLUMN_TYPE: "varchar(20)"
	charset   string
	collation string
	nullable  bool
	generated bool
	key       int // its place in the primary key from 1; 0: it is not in it
}

// class is how a kind of column is read, digested and written.
type class uint8

const (
	plain   class = iota // numbers: their text is their literal
	quoted               // times, UUID: their text in quotes
	ordinal              // ENUM, SET, BIT: as a number
	single               // FLOAT
	text                 // in a character set
	octets
	document // JSON of MySQL
	shape    // geometries, vectors, internet addresses: as hexadecimal digits
)

var classes = map[string]class{
	"date": quoted, "time": quoted, "datetime": quoted, "timestamp": quoted, "uuid": quoted,
	"enum": ordinal, "set": ordinal, "bit": ordinal, "float": single,
	"char": text, "varchar": text, "tinytext": text, "text": text, "mediumtext": text, "longtext": text,
	"binary": octets, "varbinary": octets, "tinyblob": octets, "blob": octets, "mediumblob": octets, "longblob": octets,
	"json":     document,
	"geometry": shape, "point": shape, "linestring": shape, "polygon": shape, "multipoint": shape, "multilinestring": shape, "multipolygon": shape,
	"geometrycollection": shape, "geomcollection": shape, "vector": shape, "inet6": shape, "inet4": shape,
}

func (c *column) class() class { return classes[c.kind] }

func (c *column) quotedName() string { return string(binlog.AppendIdentifier(nil, c.name)) }

// value is the expression that gives exactly what the column holds.
func (c *column) value() string {
	name := c.quotedName()
	switch c.class() {
	case ordinal:
		return "CAST(" + name + " AS UNSIGNED)"
	case single:
		return "CAST(" + name + " AS DOUBLE)"
	case text:
		return "CAST(" + name + " AS BINARY)"
	case document:
		return "CAST(CAST(" + name + " AS CHAR) AS BINARY)"
	case shape:
		return "HEX(" + name + ")"
	}
	if c.kind == "uuid" {
		return "CAST(" + name + " AS CHAR)"
	}
	return name
}

// long tells whether values may be too large for CONCAT.
func (c *column) long() bool {
	switch c.class() {
	case document, shape:
		return true
	case text, octets:
		return strings.HasSuffix(c.kind, "text") || strings.HasSuffix(c.kind, "blob")
	}
	return false
}

// term is the column's part of the row's digest.
func (c *column) term(hash hash) string {
	v := c.value()
	switch {
	case c.long():
		return "IFNULL(" + hash(v) + ",'-')"
	case c.class() == text, c.class() == octets:
		return "IFNULL(CONCAT(LENGTH(" + v + "),':'," + v + "),'-')"
	}
	return "IFNULL(" + v + ",'-')"
}

// literal is an expression of a value that the column held, nil for NULL.
func (c *column) literal(v []byte) (string, error) {
	if v == nil {
		return "NULL", nil
	}
	switch c.class() {
	case text:
		return fmt.Sprintf("_%s x'%x'", c.charset, v), nil
	case document:
		return fmt.Sprintf("CONVERT(x'%x' USING utf8mb4)", v), nil
	case octets:
		return fmt.Sprintf("x'%x'", v), nil
	case shape:
		if _, err := hex.DecodeString(string(v)); err != nil {
			return "", fmt.Errorf("read value of column %s: it is not in hexadecimal digits", c.name)
		}
		return "x'" + string(v) + "'", nil
	case quoted:
		return "'" + strings.ReplaceAll(string(v), "'", "''") + "'", nil
	}
	if len(v) == 0 || strings.Trim(string(v), "0123456789+-.eE") != "" {
		return "", fmt.Errorf("read value of column %s: it is not a number", c.name)
	}
	return string(v), nil
}

// operand is literal for comparing it with the column.
func (c *column) operand(v []byte) (string, error) {
	l, err := c.literal(v)
	if err == nil && c.class() == text {
		l += " COLLATE " + c.collation
	}
	return l, err
}

// hash is the function of SQL that digests an expression to 32 hexadecimal digits.
type hash func(expression string) string

// md5 is MariaDB's.
func md5(expression string) string { return "MD5(" + expression + ")" }

// sha2 is MySQL's, whose newer versions have MD5 as a component that need not be there.
func sha2(expression string) string { return "LEFT(SHA2(" + expression + ",256),32)" }
