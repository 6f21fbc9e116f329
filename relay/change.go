package relay

import "iter"

// Op is what a change does.
type Op uint8

// The operations. An UPDATE that moves a row to another primary key is still one Update.
const (
	Insert    Op = iota + 1 // Before is nil
	Update                  // both are there
	Delete                  // After is nil
	Statement               // no rows: SQL that changes definitions, or rows without saying which
)

// String returns the SQL word.
func (o Op) String() string {
	switch o {
	case Insert:
		return "INSERT"
	case Update:
		return "UPDATE"
	case Delete:
		return "DELETE"
	case Statement:
		return "STATEMENT"
	}
	return "UNKNOWN"
}

// Change is one row's change, or one statement.
type Change struct {
	Op            Op
	Table         *Table // of a Statement: nil
	Before, After Image
	Stayed        bool   // of an Update: of the row before the log says nothing but that its key is the one in After, and that is Before
	Schema, SQL   string // of a Statement: its default schema and text
	Session       []byte // of a Statement: the settings that it ran with, or what else the engine needs to run it, as the engine wrote them
	Definition    *Definition
}

// Definition is what is known of a Statement that changes definitions.
type Definition struct {
	Verb    string      // "ALTER TABLE"
	Subject string      // what it is about, for people
	Tables  []TableName // all that it is about, a schema without a table included
	Reason  string      // why it is not carried to other regions; "" if it is
	Empties bool        // it changes no definition, but takes all rows of its one table away, and the log shows none of them
}

// TableName names a table or view. Without Table it is a whole schema.
type TableName struct{ Schema, Table string }

// Body yields a transaction's native bytes in order, in pieces of any size. A piece is never changed after it was
// yielded, and may be kept. The iteration ends after the first error.
type Body = iter.Seq2[[]byte, error]

// Decoder reads the native bytes of one flavour. It holds no state between transactions.
type Decoder interface {
	// Changes yields what a transaction changed, in order, without holding it whole. Malformed bytes give an error that
	// says where, without values; so does anything that can carry data and is not understood.
	Changes(Body) iter.Seq2[Change, error]
}
