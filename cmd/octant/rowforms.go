package main

import (
	"fmt"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/protocol/postgres/logical"
	"github.com/octant-db/octant/relay"
)

// rowForms reads the rows of every engine: other regions may have other engines.
type rowForms struct {
	events   map[relay.Flavour]*binlog.TableCache
	messages *logical.TableCache
}

func newRowForms() *rowForms {
	return &rowForms{
		events:   map[relay.Flavour]*binlog.TableCache{binlog.Flavour: binlog.NewTableCache(), binlog.MySQL: binlog.NewMySQLTableCache()},
		messages: logical.NewTableCache(),
	}
}

// decoders read transactions. They pass over tables that do not match.
func (r *rowForms) decoders(match func(schema, table string) bool) map[relay.Flavour]relay.Decoder {
	exclude := func(schema, table string) bool { return !match(schema, table) }
	all := make(map[relay.Flavour]relay.Decoder)
	for flavour, tables := range r.events {
		d := binlog.NewDecoder(tables)
		d.Exclude = exclude
		all[flavour] = d
	}
	d := logical.NewDecoder(r.messages)
	d.Exclude = exclude
	all[logical.Flavour] = d
	return all
}

// table reads an engine's own description of a table.
func (r *rowForms) table(f relay.Flavour, native []byte) (*relay.Table, error) {
	if tables := r.events[f]; tables != nil {
		s, err := tables.Get(native)
		if err != nil {
			return nil, err
		}
		return s.Table, nil
	}
	if f != logical.Flavour {
		return nil, fmt.Errorf("describe a table: unknown flavour %q", f)
	}
	s, err := r.messages.Get(native)
	if err != nil {
		return nil, err
	}
	return s.Table, nil
}

// json shows a row, or its primary key, as a JSON object.
func (r *rowForms) json(t *relay.Table, img relay.Image, keyOnly bool) string {
	if t.Flavour == logical.Flavour {
		return logical.RowJSON(t, img, keyOnly)
	}
	return rowJSON(t, img, keyOnly)
}
