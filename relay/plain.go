package relay

import "context"

// Type describes a column's type in words that no engine owns.
type Type struct {
	Kind Kind   // of its plain values; Null: a type that only its own engine understands
	Name string // the engine's, for messages: "varchar(20)"

	Bits          int      // of Int and Uint: 8, 16, 24, 32 or 64; of Bits: how many, 0 if there is no limit
	Digits, Scale int      // of Decimal: all digits, and those after the point; Digits 0: as many as one likes
	Length        int      // of Text: characters; of Binary: bytes; 0: no limit
	Fixed         bool     // of Binary and Bits: all values are so long; of Text: spaces at the end do not count
	Fraction      int      // of times: digits after the seconds
	Labels        []string // of Enum and Set, in UTF-8

	// Equality says when two texts are one value of a key: Bytewise, Padded, or the name of a collation. "" for other kinds.
	Equality string
}

// What Type.Equality can be, beside names of collations.
const (
	Bytewise = "bytes"                 // equal texts have equal bytes
	Padded   = "bytes, but end spaces" // the same, but for spaces at the end
)

// Plain reads and writes the rows of one table as values that no engine owns, so that regions of other engines understand them.
//
// A plain value is a Value that is the same whichever engine it comes from:
//
//	Bool             Int: 0 or 1
//	Int, Uint        Int or Uint: Uint if, and only if, it is above the largest Int
//	Year             Uint
//	Float32, Float64 Float
//	Decimal          Bytes: "-12.340", or "NaN", "Infinity", "-Infinity"
//	Text, JSON       Bytes: in UTF-8, without the padding of a type that has any
//	Binary, UUID     Bytes
//	Date             Bytes: "2006-01-02"
//	Time, Interval   Bytes: "-838:59:59.5", without zeros at the end of the fraction
//	DateTime         Bytes: "2006-01-02 15:04:05.5", the same
//	Timestamp        Bytes: the same, in UTC
//	Bits             Bytes: zeros and ones as text
//	Enum             Bytes: the label in UTF-8
//	Set              Bytes: labels in the type's order, commas between them
//	Geometry         Bytes: SRID in four bytes, little endian, then well-known binary
//	Missing          the image does not say
//
// Dates and times that only one engine knows (zero dates, years BC, infinity) are as that engine writes them.
type Plain interface {
	// Types returns the columns' types, in the order of Table.Columns. They must not be changed.
	Types() []Type
	// Values reads an image. Errors never contain the values.
	Values(Image) ([]Value, error)
	// Image writes plain values of the columns' kinds as the database itself would log them. Null and Missing are values of all kinds. An error
	// says what does not fit, without values.
	Image([]Value) (Image, error)
}

// Translator is a Target that takes rows of other engines too.
type Translator interface {
	// Translate brings changes into the form in which the local database would have logged them. A change that has no such form stays
	// as it is: Check or Write say why it cannot be written. An error says that the database could not be asked.
	Translate(ctx context.Context, changes []Change) error
	// Unfit tells why rows of a table, and this row of it, cannot stand in the database; nil if they can. Without a row it is about the table alone. An error that
	// is no rejection says that the database could not be asked.
	Unfit(ctx context.Context, t *Table, row Image) error
}
