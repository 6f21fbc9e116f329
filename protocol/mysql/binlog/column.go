package binlog

import (
	"fmt"
	"strconv"

	"github.com/octant-db/octant/relay"
)

// Column types as a TABLE_MAP has them; see enum_field_types in MariaDB's include/mysql_com.h and in MySQL's include/field_types.h.
const (
	typeTiny              = 1
	typeShort             = 2
	typeLong              = 3
	typeFloat             = 4
	typeDouble            = 5
	typeTimestamp         = 7
	typeLongLong          = 8
	typeInt24             = 9
	typeDate              = 10
	typeTime              = 11
	typeDateTime          = 12
	typeYear              = 13
	typeNewDate           = 14
	typeVarchar           = 15
	typeBit               = 16
	typeTimestamp2        = 17
	typeDateTime2         = 18
	typeTime2             = 19
	typeBlobCompressed    = 140
	typeVarcharCompressed = 141
	typeVector            = 242
	typeJSON              = 245
	typeNewDecimal        = 246
	typeEnum              = 247
	typeSet               = 248
	typeBlob              = 252
	typeVarString         = 253
	typeString            = 254
	typeGeometry          = 255
)

// column is how one column lies in an image, and how its bytes become a value.
type column struct {
	kind     relay.Kind
	typ      byte
	fraction uint8 // digits of temporal types
	unsigned bool
	prefix   uint8 // bytes of the length in front; 0: the size is fixed
	fixed    int   // bytes of a fixed size
	length   int   // declared bytes of strings, significant bits of BIT
	digits   int   // of NEWDECIMAL: all of them
	scale    int   // of NEWDECIMAL: those after the point
	text     int   // room that the value needs beside the image
}

// metaSize is how many bytes of metadata the type has in a TABLE_MAP.
func metaSize(typ byte) (int, bool) {
	switch typ {
	case typeTiny, typeShort, typeLong, typeLongLong, typeInt24, typeDate, typeNewDate, typeYear:
		return 0, true
	case typeFloat, typeDouble, typeBlob, typeGeometry, typeBlobCompressed, typeJSON, typeVector, typeTimestamp2, typeDateTime2, typeTime2:
		return 1, true
	case typeVarchar, typeVarString, typeVarcharCompressed, typeBit, typeNewDecimal, typeString, typeEnum, typeSet:
		return 2, true
	}
	return 0, false
}

// readColumn takes a column's metadata from r.
func readColumn(typ byte, r *reader) (column, error) {
	if typ == typeTime || typ == typeDateTime || typ == typeTimestamp {
		return column{}, ErrOldTemporal
	}
	n, ok := metaSize(typ)
	meta := r.bytes(n)
	if r.bad || !ok {
		return column{}, fmt.Errorf("column type %d: %w", typ, ErrMalformed)
	}
	c := column{typ: typ}
	switch n {
	case 0:
		c.plain()
	case 1:
		ok = c.byteMeta(meta[0])
	case 2:
		ok = c.wordMeta(meta[0], meta[1])
	}
	if !ok {
		return column{}, fmt.Errorf("column type %d: impossible metadata: %w", typ, ErrMalformed)
	}
	return c, nil
}

// plain is for types without metadata.
func (c *column) plain() {
	switch c.typ {
	case typeTiny:
		c.kind, c.fixed = relay.Int, 1
	case typeShort:
		c.kind, c.fixed = relay.Int, 2
	case typeInt24:
		c.kind, c.fixed = relay.Int, 3
	case typeLong:
		c.kind, c.fixed = relay.Int, 4
	case typeLongLong:
		c.kind, c.fixed = relay.Int, 8
	case typeYear:
		c.kind, c.fixed, c.unsigned = relay.Uint, 1, true
	case typeDate, typeNewDate:
		c.kind, c.fixed, c.text = relay.Date, 3, 10
	}
}

func (c *column) byteMeta(meta byte) bool {
	switch c.typ {
	case typeFloat:
		c.kind, c.fixed = relay.Float32, 4
		return meta == 4
	case typeDouble:
		c.kind, c.fixed = relay.Float64, 8
		return meta == 8
	case typeBlob, typeBlobCompressed:
		c.kind, c.prefix = relay.Text, meta
		return meta >= 1 && meta <= 4
	case typeGeometry:
		c.kind, c.prefix = relay.Geometry, meta
		return meta >= 1 && meta <= 4
	case typeJSON:
		c.kind, c.prefix = relay.JSON, meta
		return meta >= 1 && meta <= 4
	case typeVector: // 32-bit floats
		c.kind, c.prefix = relay.Binary, meta
		return meta >= 1 && meta <= 4
	case typeTimestamp2:
		return c.temporal(relay.Timestamp, 4, meta)
	case typeDateTime2:
		return c.temporal(relay.DateTime, 5, meta)
	case typeTime2:
		return c.temporal(relay.Time, 3, meta)
	}
	return false
}

func (c *column) temporal(k relay.Kind, size int, fraction byte) bool {
	c.kind, c.fraction, c.fixed, c.text = k, fraction, size+(int(fraction)+1)/2, 28
	return fraction <= 6
}

func (c *column) wordMeta(b0, b1 byte) bool {
	switch c.typ {
	case typeVarchar, typeVarString, typeVarcharCompressed:
		c.kind = relay.Text
		return c.sized(int(b0) | int(b1)<<8)
	case typeBit:
		c.kind, c.length, c.fixed = relay.Bits, int(b1)*8+int(b0), int(b1)
		if b0 > 0 {
			c.fixed++
		}
		return b0 < 8 && c.length >= 1 && c.length <= 64
	case typeNewDecimal:
		c.kind, c.digits, c.scale = relay.Decimal, int(b0), int(b1)
		c.fixed, c.text = decimalSize(c.digits, c.scale), c.digits+3
		return c.digits >= 1 && c.digits <= 65 && c.scale <= 38 && c.scale <= c.digits
	}
	return c.stringMeta(b0, b1)
}

// stringMeta is for CHAR, BINARY, ENUM and SET, which all come as STRING. Lengths above 255 have their two upper bits,
// inverted, in the type's byte; see Field_string::save_field_metadata in MariaDB's sql/field.cc.
func (c *column) stringMeta(b0, b1 byte) bool {
	length := int(b1)
	if b0&0x30 != 0x30 {
		length |= int(b0&0x30^0x30) << 4
		b0 |= 0x30
	}
	c.typ = b0
	switch b0 {
	case typeString:
		c.kind = relay.Text
		return c.sized(length)
	case typeEnum:
		c.kind, c.fixed = relay.Enum, length
		return length == 1 || length == 2
	case typeSet:
		c.kind, c.fixed = relay.Set, length
		return length >= 1 && length <= 8
	}
	return false
}

// sized is for strings with a declared size in bytes.
func (c *column) sized(length int) bool {
	c.length, c.prefix = length, 1
	if length > 255 {
		c.prefix = 2
	}
	return true
}

// numeric tells whether the column has a bit in the metadata's list of signs.
func (c *column) numeric() bool {
	switch c.typ {
	case typeTiny, typeShort, typeInt24, typeLong, typeLongLong, typeNewDecimal, typeFloat, typeDouble, typeYear:
		return true
	}
	return false
}

// character tells whether the column has a collation in the metadata's list for strings. Binary strings are strings there, for
// MariaDB geometries too, for MySQL vectors.
func (c *column) character(mysql bool) bool {
	switch c.typ {
	case typeString, typeVarString, typeVarchar, typeVarcharCompressed, typeBlob, typeBlobCompressed:
		return true
	case typeGeometry:
		return !mysql
	case typeVector:
		return mysql
	}
	return false
}

func (c *column) labelled() bool { return c.typ == typeEnum || c.typ == typeSet }

func (c *column) setUnsigned() {
	c.unsigned = true
	if c.kind == relay.Int {
		c.kind = relay.Uint
	}
}

// setBinary makes a string one of bytes.
func (c *column) setBinary() {
	if c.kind != relay.Text {
		return
	}
	c.kind = relay.Binary
	if c.typ == typeString {
		c.text = c.length
	}
}

// describe fills what the column's place in the image says of the column for others.
func (c *column) describe(to *relay.Column) {
	to.Kind, to.Type = c.kind, c.name(to.Charset)
	switch {
	case c.kind == relay.Bits:
		to.Length = c.fixed
	case c.kind == relay.Binary && c.typ == typeString:
		to.Length = c.length
	}
}

// name is the SQL name of the type.
func (c *column) name(charset string) string {
	switch c.typ {
	case typeBit:
		return sizedName("bit", c.length)
	case typeNewDecimal:
		return c.signed("decimal(" + strconv.Itoa(c.digits) + "," + strconv.Itoa(c.scale) + ")")
	case typeTimestamp2:
		return c.fractional("timestamp")
	case typeDateTime2:
		return c.fractional("datetime")
	case typeTime2:
		return c.fractional("time")
	case typeVarchar, typeVarString, typeVarcharCompressed, typeString, typeBlob, typeBlobCompressed:
		return c.stringName(charset)
	}
	return c.signed(map[byte]string{
		typeTiny: "tinyint", typeShort: "smallint", typeInt24: "mediumint", typeLong: "int", typeLongLong: "bigint",
		typeFloat: "float", typeDouble: "double", typeYear: "year", typeDate: "date", typeNewDate: "date",
		typeEnum: "enum", typeSet: "set", typeGeometry: "geometry", typeJSON: "json", typeVector: "vector",
	}[c.typ])
}

func (c *column) signed(name string) string {
	if c.unsigned && c.typ != typeYear {
		return name + " unsigned"
	}
	return name
}

func (c *column) fractional(name string) string {
	if c.fraction == 0 {
		return name
	}
	return sizedName(name, int(c.fraction))
}

func sizedName(name string, size int) string { return name + "(" + strconv.Itoa(size) + ")" }

func (c *column) stringName(charset string) string {
	binary, compressed := c.kind == relay.Binary, ""
	length := c.length / bytesPerCharacter(charset)
	switch c.typ {
	case typeVarcharCompressed:
		length, compressed = (c.length-1)/bytesPerCharacter(charset), " compressed"
	case typeBlobCompressed:
		compressed = " compressed"
	case typeString:
		return sizedName(pick(binary, "binary", "char"), length)
	}
	if c.typ == typeBlob || c.typ == typeBlobCompressed {
		size := [...]string{"", "tiny", "", "medium", "long"}[c.prefix]
		return size + pick(binary, "blob", "text") + compressed
	}
	return sizedName(pick(binary, "varbinary", "varchar"), length) + compressed
}

func pick(first bool, a, b string) string {
	if first {
		return a
	}
	return b
}
