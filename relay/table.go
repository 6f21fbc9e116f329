package relay

// Flavour names an engine's native encoding of transactions and rows: "mariadb", "mysql", "postgres".
type Flavour string

// Table describes a table as it was when a change was logged. It comes with the change, so that a change is never read
// with a later definition. A Table is never changed once made and may be shared.
type Table struct {
	Schema, Name string
	Columns      []Column
	Key          []KeyPart // the primary key in its own order; empty: the table has none
	Flavour      Flavour
	Native       []byte // the engine's own description (MariaDB: the TABLE_MAP event's body); read only

	// Decode reads an image of this table. Errors never contain the row's values.
	Decode func(Image) ([]Value, error)
	// Same tells whether an image of this table and one of another definition of the same table are one row, as far as both have its columns.
	// nil: images of different definitions are never compared. The other one may be of another engine: then rows are compared by value.
	Same func(img Image, other *Table, otherImg Image) bool
	// As returns a row of this table as one of another engine's definition of it, exactly; nil if the engine cannot.
	As func(img Image, other *Table) (Image, error)
	// Composer makes new images of this table's; nil if the engine cannot.
	Composer Composer
	// Unset returns an image that is like the given one but for NULL in some columns; nil if the engine cannot.
	Unset func(img Image, columns []int) (Image, error)
	// Plain is for regions of other engines; nil if the engine cannot.
	Plain Plain
}

// Composer takes images of one table apart and puts them together again, exactly: what is not changed keeps its bytes.
type Composer interface {
	// Cells cuts an image into its columns as the engine wrote them, nil for NULL. They alias the image.
	Cells(Image) ([][]byte, error)
	// Join makes an image of cells; in all else it is like the given one.
	Join(like Image, cells [][]byte) (Image, error)
	// Number writes a number as a cell of a column: a Decimal for columns of whole and decimal numbers, with as many digits after the point as the
	// column has, or a Float64. What is beyond the column's range becomes the end of it.
	Number(column int, v Value) ([]byte, error)
}

// String returns "schema.table".
func (t *Table) String() string { return t.Schema + "." + t.Name }

// Column describes one column of a table.
type Column struct {
	Name      string
	Kind      Kind
	Type      string // the engine's name of the type, for messages: "varchar(20)"
	Collation string // of text, enum and set columns: the engine's name of it; "" for others
	Charset   string // of text, enum and set columns
	Labels    []string
	Length    int // of fixed-length binary and bit columns: bytes; 0 for others
}

// KeyPart is one column of a key.
type KeyPart struct {
	Column int // its place in Table.Columns
	Prefix int // characters (bytes, for binary columns) that count; 0: all
}

// Image is one row as the engine wrote it, in its table's native encoding. nil means that there is no row. Two images of
// tables with the same definition are equal exactly if their bytes are. An Image is never changed; it may alias the
// transaction it was read from.
type Image []byte
