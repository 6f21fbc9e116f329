package logical

import (
	"encoding/hex"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/octant-db/octant/relay"
)

// RowJSON shows a row, or its primary key, as a JSON object. Columns that the image lacks are left out. An image that cannot be read is
// shown as nothing.
func RowJSON(t *relay.Table, image relay.Image, keyOnly bool) string {
	cells, err := Cells(nil, image, len(t.Columns))
	if err != nil {
		return ""
	}
	inKey := make([]bool, len(cells))
	for _, part := range t.Key {
		inKey[part.Column] = true
	}
	b := []byte{'{'}
	for i, c := range cells {
		if c.Kind == IsAbsent || keyOnly && !inKey[i] {
			continue
		}
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = append(appendQuoted(b, []byte(t.Columns[i].Name)), ':')
		b = AppendJSON(b, t.Columns[i].Kind, c)
	}
	return string(append(b, '}'))
}

// AppendJSON shows one column's value as RowJSON does.
func AppendJSON(b []byte, kind relay.Kind, c Cell) []byte {
	switch {
	case c.Kind == IsNull:
		return append(b, "null"...)
	case kind == relay.JSON:
		return append(b, c.Text...)
	case (kind == relay.Int || kind == relay.Uint) && isInteger(c.Text):
		return append(b, c.Text...)
	}
	return appendQuoted(b, c.Text)
}

func isInteger(text []byte) bool {
	_, err := strconv.ParseInt(string(text), 10, 64)
	return err == nil
}

// appendQuoted writes a JSON string.
func appendQuoted(b, text []byte) []byte {
	b = append(b, '"')
	for _, r := range string(text) {
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r < ' ':
			b = append(b, `\u00`...)
			b = append(b, strings.ToLower(hex.EncodeToString([]byte{byte(r)}))...)
		default:
			b = utf8.AppendRune(b, r)
		}
	}
	return append(b, '"')
}
