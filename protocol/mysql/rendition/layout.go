package rendition

import (
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/protocol/values"
	"github.com/octant-db/octant/relay"
)

// Layout is what a table of another engine is in MariaDB or MySQL. It is never changed once made.
type Layout struct {
	Table *relay.Table // as its TABLE_MAP describes it

	definition binlog.Definition
	schema     *binlog.Schema
	form       *values.Form
}

// NewLayout makes up the table in which the rows of another one find room. The error says which column has no counterpart.
func NewLayout(flavour relay.Flavour, from *relay.Table) (*Layout, error) {
	if from.Plain == nil {
		return nil, fmt.Errorf("rows of %s are not understood", from.Flavour)
	}
	l := &Layout{definition: binlog.Definition{Flavour: flavour, Schema: from.Schema, Name: from.Name, Key: from.Key}}
	if err := l.define(from); err != nil {
		return nil, err
	}
	native, err := l.definition.Native()
	if err != nil {
		return nil, err
	}
	parse := binlog.ParseTable
	if flavour == binlog.MySQL {
		parse = binlog.ParseMySQLTable
	}
	if l.schema, err = parse(native); err != nil {
		return nil, err
	}
	l.Table = l.schema.Table
	l.form, err = values.NewForm(from, l.Table)
	return l, err
}

// rowLimit is what the columns of a row may take together, BLOB and TEXT aside: 65,535 bytes with what the servers add.
const rowLimit = 60_000

func (l *Layout) define(from *relay.Table) error {
	inKey := make([]bool, len(from.Columns))
	for _, part := range from.Key {
		inKey[part.Column] = true
	}
	d, mysql := &l.definition, l.definition.Flavour == binlog.MySQL
	room := rowLimit
	for i, t := range from.Plain.Types() {
		c := binlog.DefinedColumn{Name: from.Columns[i].Name, Nullable: !inKey[i]}
		word, text, err := columnType(t, inKey[i], mysql)
		if err != nil {
			return fmt.Errorf("column %s: %w", c.Name, err)
		}
		if length := varcharBytes(word); length > 0 && !inKey[i] {
			if room -= length; room < 0 {
				word = "longtext"
			}
		}
		if c.Type = word; text {
			c.Collation = collation(d.Flavour)
		}
		d.Columns = append(d.Columns, c)
	}
	return nil
}

// varcharBytes is what a VARCHAR takes of a row at most, 0 for other types.
func varcharBytes(word string) int {
	digits, ok := strings.CutPrefix(word, "varchar(")
	if !ok {
		return 0
	}
	n, _ := strconv.Atoi(strings.TrimSuffix(digits, ")"))
	return 4 * n
}

// Create returns the statement that makes the table. Secondary indexes, defaults and what else the log does not say are up to whoever runs it.
func (l *Layout) Create() string {
	d := &l.definition
	var b strings.Builder
	fmt.Fprintf(&b, "CREATE TABLE %s.%s (\n", quote(d.Schema), quote(d.Name))
	for i, c := range d.Columns {
		if i > 0 {
			b.WriteString(",\n")
		}
		fmt.Fprintf(&b, "  %s %s", quote(c.Name), c.Type)
		switch {
		case !c.Nullable:
			b.WriteString(" NOT NULL")
		default:
			b.WriteString(" NULL") // a TIMESTAMP is not without being told
		}
	}
	if len(d.Key) > 0 {
		names := make([]string, len(d.Key))
		for i, part := range d.Key {
			names[i] = quote(d.Columns[part.Column].Name)
		}
		fmt.Fprintf(&b, ",\n  PRIMARY KEY (%s)", strings.Join(names, ", "))
	}
	fmt.Fprintf(&b, "\n) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=%s", collation(d.Flavour))
	return b.String()
}

func quote(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }

// Refusal says why a replica cannot be shown a transaction. It has no values.
type Refusal struct {
	Table       string // "schema.table"
	Reason      string
	Transaction string // its GTID
	// Altered: the transaction is shown when the reader comes back. Others never are.
	Altered bool
}

// Error gives the table and the reason.
func (e *Refusal) Error() string {
	return fmt.Sprintf("show transaction %s to a replica: table %s: %s", e.Transaction, e.Table, e.Reason)
}

// maxLayouts bounds what is remembered by the number of its tables.
const maxLayouts = 8192

// layouts remembers what was made up for tables. It may be used from several goroutines.
type layouts struct {
	flavour relay.Flavour

	mu    sync.Mutex
	known map[*relay.Table]*Layout
}

// of returns the layout of a table, or a *Refusal.
func (l *layouts) of(from *relay.Table) (*Layout, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if layout := l.known[from]; layout != nil {
		return layout, nil
	}
	layout, err := NewLayout(l.flavour, from)
	if err != nil {
		return nil, &Refusal{Table: from.String(), Reason: err.Error()}
	}
	if len(l.known) >= maxLayouts {
		clear(l.known)
	}
	l.known[from] = layout
	return layout, nil
}
