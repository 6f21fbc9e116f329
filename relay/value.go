package relay

// Kind is the closed set of kinds that a column's value can have. Each engine converts its own types to and from
// them, so that engines add up and do not multiply.
type Kind uint8

// The kinds. What a Value of the kind holds is said beside it.
const (
	Null      Kind = iota
	Int            // Int: a signed integer
	Uint           // Uint: an unsigned integer; also YEAR
	Float32        // Float: a single-precision number, exactly
	Float64        // Float: a double-precision number, exactly
	Decimal        // Bytes: the exact decimal in digits, "-12.340"
	Text           // Bytes: text in the column's character set, not transcoded
	Binary         // Bytes: as stored, trailing zero bytes of fixed-length columns put back
	Date           // Bytes: "2006-01-02"; zero and partial dates as they are
	Time           // Bytes: "-838:59:59.000000"; as many fraction digits as the column has
	DateTime       // Bytes: "2006-01-02 15:04:05.000000", without zone
	Timestamp      // Bytes: the same, in UTC; the zero timestamp is all zeros
	Bits           // Bytes: a bit string, big endian, leading bits zero
	Enum           // Uint: the label's number from 1, 0 for the empty error value
	Set            // Uint: a bit per label, the first label lowest
	JSON           // Bytes: the document's text in UTF-8
	UUID           // Bytes: sixteen bytes in text order
	Inet           // Bytes: four or sixteen bytes in network order
	Geometry       // Bytes: four bytes SRID, little endian, then well-known binary

	// The following are of plain values only; see Plain.
	Missing  // the image does not say
	Bool     // Int: 0 or 1
	Year     // Uint: 1901 to 2155, or 0
	Interval // Bytes: hours, minutes and seconds
)

// Value is one column's value. Bytes may alias the transaction that it was decoded from; it must not be changed.
type Value struct {
	Kind  Kind
	Int   int64
	Uint  uint64
	Float float64
	Bytes []byte
}

// IsNull tells whether the value is SQL NULL.
func (v Value) IsNull() bool { return v.Kind == Null }
