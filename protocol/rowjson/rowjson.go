// Package rowjson reads rows that operators write as JSON objects.
package rowjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/octant-db/octant/relay"
)

// Cell is a column that is given a value.
type Cell struct {
	Column int // its place in Table.Columns
	Value  json.RawMessage
}

// Read reads the columns that an object gives values to, in the table's order. The key's may be among them, but only with the values that shown says they have. Errors are
// for the operator and have no values.
func Read(t *relay.Table, row string, shown func(column int) []byte) ([]Cell, error) {
	var given map[string]json.RawMessage
	if err := json.Unmarshal([]byte(row), &given); err != nil || len(given) == 0 {
		return nil, errors.New("give a JSON object of columns, such as {\"name\": \"x\"}")
	}
	var cells []Cell
	for i, c := range t.Columns {
		value, is := given[c.Name]
		delete(given, c.Name)
		switch {
		case !is:
		case !slices.ContainsFunc(t.Key, func(p relay.KeyPart) bool { return p.Column == i }):
			cells = append(cells, Cell{i, value})
		case !bytes.Equal(value, shown(i)):
			return nil, fmt.Errorf("column %s is in the key and cannot be changed: leave it out", c.Name)
		}
	}
	for name := range given {
		return nil, fmt.Errorf("there is no column %q", name)
	}
	if len(cells) == 0 {
		return nil, errors.New("give some columns outside of the key")
	}
	return cells, nil
}
