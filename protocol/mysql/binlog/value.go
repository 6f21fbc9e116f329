package binlog

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/octant-db/octant/relay"
)

// size returns how many bytes the image has that b begins with, -1 if it does not end in b. No value is looked at.
func (s *Schema) size(b []byte) int {
	at := s.nullBytes
	if at > len(b) {
		return -1
	}
	for i := range s.columns {
		if isNull(b, i) {
			continue
		}
		n := s.columns[i].skip(b[at:])
		if n < 0 || n > len(b)-at {
			return -1
		}
		at += n
	}
	return at
}

// documents returns how many JSON columns the table has.
func (s *Schema) documents() int {
	n := 0
	for i := range s.columns {
		if s.columns[i].typ == typeJSON {
			n++
		}
	}
	return n
}

func isNull(image []byte, column int) bool { return image[column>>3]&(1<<(column&7)) != 0 }

// skip returns how many bytes the column has that b begins with, its length included; it may be more than b has. -1: b is
// too short to tell.
func (c *column) skip(b []byte) int {
	if c.prefix == 0 {
		return c.fixed
	}
	if int(c.prefix) > len(b) {
		return -1
	}
	switch c.prefix {
	case 1:
		return 1 + int(b[0])
	case 2:
		return 2 + int(binary.LittleEndian.Uint16(b))
	case 3:
		return 3 + int(b[0]) + int(b[1])<<8 + int(b[2])<<16
	default:
		return 4 + int(binary.LittleEndian.Uint32(b))
	}
}

// Decode reads all values of an image. Long values alias it. It is safe for use from several goroutines.
func (s *Schema) Decode(image relay.Image) ([]relay.Value, error) {
	values := make([]relay.Value, 0, len(s.columns))
	arena := make([]byte, 0, s.text)
	at := s.nullBytes
	if at > len(image) {
		return nil, s.malformed()
	}
	for i := range s.columns {
		if isNull(image, i) {
			values = append(values, relay.Value{})
			continue
		}
		c := &s.columns[i]
		n := c.skip(image[at:])
		if n < 0 || n > len(image)-at {
			return nil, s.malformed()
		}
		v, rest, err := c.value(image[at+int(c.prefix):at+n:at+n], arena)
		if err != nil {
			return nil, s.columnError(i, err)
		}
		values, arena = append(values, v), rest
		at += n
	}
	if at != len(image) {
		return nil, s.malformed()
	}
	return values, nil
}

func (s *Schema) malformed() error {
	return fmt.Errorf("decode row of %s: the image does not fit the table: %w", s.Table, ErrMalformed)
}

func (s *Schema) columnError(i int, err error) error {
	return fmt.Errorf("decode row of %s: column %s: %w", s.Table, s.Table.Columns[i].Name, err)
}

// value reads the column's bytes, without their length. What must be written anew is appended to arena, which must have the room
// that c.text says so that earlier values stay.
func (c *column) value(b, arena []byte) (relay.Value, []byte, error) {
	switch c.kind {
	case relay.Int:
		return relay.Value{Kind: relay.Int, Int: signed(b)}, arena, nil
	case relay.Uint:
		return relay.Value{Kind: relay.Uint, Uint: c.unsignedValue(b)}, arena, nil
	case relay.Enum, relay.Set:
		return relay.Value{Kind: c.kind, Uint: unsigned(b)}, arena, nil
	case relay.Float32:
		return relay.Value{Kind: relay.Float32, Float: float64(math.Float32frombits(binary.LittleEndian.Uint32(b)))}, arena, nil
	case relay.Float64:
		return relay.Value{Kind: relay.Float64, Float: math.Float64frombits(binary.LittleEndian.Uint64(b))}, arena, nil
	case relay.Bits, relay.Geometry:
		return relay.Value{Kind: c.kind, Bytes: b}, arena, nil
	case relay.Text, relay.Binary:
		return c.stringValue(b, arena)
	case relay.JSON:
		text, err := jsonText(b)
		return relay.Value{Kind: relay.JSON, Bytes: text}, arena, err
	}
	start := len(arena)
	arena, ok := c.appendText(arena, b)
	if !ok {
		return relay.Value{}, arena, ErrMalformed
	}
	return relay.Value{Kind: c.kind, Bytes: arena[start:len(arena):len(arena)]}, arena, nil
}

// stringValue puts back the trailing zeros that a BINARY(n), and with it UUID and INET, left out, and inflates COMPRESSED
// columns.
func (c *column) stringValue(b, arena []byte) (relay.Value, []byte, error) {
	switch {
	case c.typ == typeBlobCompressed || c.typ == typeVarcharCompressed:
		b, err := inflateColumn(b)
		return relay.Value{Kind: c.kind, Bytes: b}, arena, err
	case c.typ == typeString && c.kind == relay.Binary && len(b) < c.length:
		start := len(arena)
		arena = append(arena, b...)
		for len(arena) < start+c.length {
			arena = append(arena, 0)
		}
		b = arena[start:len(arena):len(arena)]
	}
	return relay.Value{Kind: c.kind, Bytes: b}, arena, nil
}

// appendText writes decimals and times.
func (c *column) appendText(arena, b []byte) ([]byte, bool) {
	switch c.typ {
	case typeNewDecimal:
		return appendDecimal(arena, b, c.digits, c.scale)
	case typeDate, typeNewDate:
		return appendDate3(arena, b), true
	case typeTime2:
		return appendTime2(arena, b, int(c.fraction)), true
	case typeDateTime2:
		return appendDateTime2(arena, b, int(c.fraction)), true
	case typeTimestamp2:
		return appendUnix(arena, int64(binary.BigEndian.Uint32(b)), b[4:], int(c.fraction)), true
	}
	return arena, false
}

func (c *column) unsignedValue(b []byte) uint64 {
	n := unsigned(b)
	if c.typ == typeYear && n != 0 {
		return 1900 + n
	}
	return n
}

// unsigned reads a little-endian number of 1 to 8 bytes.
func unsigned(b []byte) uint64 {
	switch len(b) {
	case 1:
		return uint64(b[0])
	case 2:
		return uint64(binary.LittleEndian.Uint16(b))
	case 4:
		return uint64(binary.LittleEndian.Uint32(b))
	case 8:
		return binary.LittleEndian.Uint64(b)
	}
	var n uint64
	for i := len(b) - 1; i >= 0; i-- {
		n = n<<8 | uint64(b[i])
	}
	return n
}

// signed reads a little-endian two's complement number of 1 to 8 bytes.
func signed(b []byte) int64 {
	shift := 64 - 8*len(b)
	return int64(unsigned(b)<<shift) >> shift
}
