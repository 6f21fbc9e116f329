package apply

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/protocol/rowjson"
	"github.com/octant-db/octant/relay"
)

var _ relay.Author = (*Target)(nil)

// authored are the settings of a session that writes as an application does: what a column does not take is an error, and constraints count.
const authored = `SET SESSION time_zone='+00:00', autocommit=1, foreign_key_checks=1, unique_checks=1,
 sql_mode='STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES,NO_BACKSLASH_ESCAPES'; SET NAMES utf8mb4`

var errUnchanged = errors.New("write a row: it stands so already, and the log would not tell the other regions: nothing was done")

// Author writes one row as an application would: triggers fire, constraints are checked, and the log has it as a change of this region; see
// relay.Author. Values are as in the JSON that the relay shows: text, numbers, null, "0x…" for bytes, lists for SETs.
func (t *Target) Author(ctx context.Context, table *relay.Table, key relay.Image, row string) error {
	w, err := t.author(ctx, table, key)
	if err != nil {
		return err
	}
	defer w.s.close()
	if row == "" {
		return w.run(ctx, "delete a row", w.statement("DELETE FROM ", "")+w.where)
	}
	return w.write(ctx, row)
}

// Stands tells whether a row is as the JSON says; see relay.Author. Numbers that are not exact and documents are taken for others than they were.
func (t *Target) Stands(ctx context.Context, table *relay.Table, key relay.Image, row string) (bool, error) {
	w, err := t.author(ctx, table, key)
	if err != nil {
		return false, err
	}
	defer w.s.close()
	where := w.where
	if row != "" {
		columns, values, err := w.assignments(row)
		if err != nil {
			return false, fmt.Errorf("compare a row of %s: %w", table, err)
		}
		for i, c := range columns {
			where += " AND " + c + "<=>" + values[i]
		}
	}
	rs, err := w.s.query(ctx, "look for a row", w.statement("SELECT 1 FROM ", where))
	if err != nil {
		return false, err
	}
	return len(rs[0].Values) > 0 == (row != ""), nil
}

// author opens a session in which rows are written as an application does.
func (t *Target) author(ctx context.Context, table *relay.Table, key relay.Image) (*author, error) {
	s, err := connect(ctx, &t.config)
	if err != nil {
		return nil, err
	}
	w := &author{s: s, table: table}
	if err := w.prepare(ctx, key); err != nil {
		s.close()
		return nil, err
	}
	return w, nil
}

func (w *author) prepare(ctx context.Context, key relay.Image) error {
	if _, err := w.s.query(ctx, "set up session", authored); err != nil {
		return err
	}
	if err := w.find(key); err != nil {
		return err
	}
	var err error
	w.computed, err = computed(ctx, w.s, w.table)
	return err
}

// author writes one row.
type author struct {
	s     *session
	table *relay.Table
	key   []relay.Value // by column; those outside of the key are not looked at
	where string

	computed map[string]bool // columns that the database computes
}

// computed lists the generated columns of a table.
func computed(ctx context.Context, s *session, table *relay.Table) (map[string]bool, error) {
	local, err := readTable(ctx, s, table.Schema, table.Name)
	if err != nil {
		return nil, err
	}
	list := make(map[string]bool)
	for _, c := range local.columns {
		list[c.name] = c.generated
	}
	return list, nil
}

func (w *author) find(key relay.Image) error {
	f, err := newFinder(w.table)
	if err != nil {
		return err
	}
	where, err := f.where([]byte(" WHERE "), key)
	if err != nil {
		return err
	}
	w.where = string(where)
	w.key, err = w.table.Decode(key)
	return err
}

func (w *author) statement(verb, rest string) string {
	return string(binlog.AppendTable([]byte(verb), w.table)) + rest
}

// write updates the row, or inserts it if it is not there.
func (w *author) write(ctx context.Context, row string) error {
	columns, values, err := w.assignments(row)
	if err != nil {
		return fmt.Errorf("write a row of %s: %w", w.table, err)
	}
	rs, err := w.s.query(ctx, "look for a row", w.statement("SELECT 1 FROM ", w.where))
	if err != nil {
		return err
	}
	if len(rs[0].Values) > 0 {
		var sets []string
		for i, c := range columns {
			sets = append(sets, c+"="+values[i])
		}
		return w.run(ctx, "update a row", w.statement("UPDATE ", " SET ")+strings.Join(sets, ",")+w.where)
	}
	for _, part := range w.table.Key {
		c := w.table.Columns[part.Column]
		columns = append(columns, string(binlog.AppendIdentifier(nil, c.Name)))
		values = append(values, string(binlog.AppendLiteral(nil, c, w.key[part.Column])))
	}
	return w.run(ctx, "insert a row", w.statement("INSERT INTO ", "(")+strings.Join(columns, ",")+") VALUES("+strings.Join(values, ",")+")")
}

func (w *author) run(ctx context.Context, op, text string) error {
	rs, err := w.s.query(ctx, op+" of "+w.table.String(), text)
	if err != nil {
		return err
	}
	if rs[0].AffectedRows == 0 {
		return errUnchanged
	}
	return nil
}

// assignments reads the columns outside of the key.
func (w *author) assignments(row string) (columns, values []string, err error) {
	cells, err := rowjson.Read(w.table, row, func(i int) []byte { return binlog.AppendJSON(nil, w.table.Columns[i], w.key[i]) })
	if err != nil {
		return nil, nil, err
	}
	for _, cell := range cells {
		c := w.table.Columns[cell.Column]
		if w.computed[c.Name] { // a row that is on record has them too
			continue
		}
		value, err := literal(c, cell.Value)
		if err != nil {
			return nil, nil, err
		}
		columns, values = append(columns, string(binlog.AppendIdentifier(nil, c.Name))), append(values, value)
	}
	if len(columns) == 0 {
		return nil, nil, errors.New("the database computes all of these columns: give others")
	}
	return columns, values, nil
}

// literal makes an SQL expression of a value in JSON.
func literal(c relay.Column, raw json.RawMessage) (string, error) {
	var text string
	switch raw[0] {
	case '"':
		if err := json.Unmarshal(raw, &text); err != nil {
			return "", fmt.Errorf("column %s: that is no JSON string", c.Name)
		}
		if octets, ok := binaryText(c, text); ok {
			return "x'" + hex.EncodeToString(octets) + "'", nil
		}
	case '[':
		var labels []string
		if c.Kind != relay.Set {
			text = string(raw)
		} else if err := json.Unmarshal(raw, &labels); err != nil {
			return "", fmt.Errorf("column %s: a SET is a list of strings", c.Name)
		} else {
			text = strings.Join(labels, ",")
		}
	case '{':
		text = string(raw)
	default: // a number, true, false or null: SQL has the same words
		return string(raw), nil
	}
	return "_utf8mb4 x'" + hex.EncodeToString([]byte(text)) + "'", nil
}

// binaryText reads the bytes of a column that is not text.
func binaryText(c relay.Column, text string) ([]byte, bool) {
	switch c.Kind {
	case relay.Binary, relay.Bits, relay.UUID, relay.Inet, relay.Geometry:
		digits, ok := strings.CutPrefix(text, "0x")
		octets, err := hex.DecodeString(digits)
		return octets, ok && err == nil
	}
	return nil, false
}
