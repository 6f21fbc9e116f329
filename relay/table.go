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
