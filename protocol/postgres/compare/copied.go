package compare

import (
	"bytes"
	"errors"

	"github.com/octant-db/octant/relay"
)

// errMalformed says that rows are not as Read gives them.
var errMalformed = errors.New("read copied rows: they are cut short")

// copiedLines are the lines of a batch, one for each row, without their ends. A line's end within a value is written otherwise.
func copiedLines(b relay.RowBatch) ([][]byte, error) {
	lines := bytes.SplitAfter(b.Data, []byte("\n"))
	rest := lines[len(lines)-1]
	if lines = lines[:len(lines)-1]; len(rest) > 0 || len(lines) != b.Rows {
		return nil, errMalformed
	}
	for i := range lines {
		lines[i] = lines[i][:len(lines[i])-1]
	}
	return lines, nil
}

// copiedCells are a line's values, nil for NULL. See "File Formats" of COPY.
func copiedCells(line []byte, columns int) ([][]byte, error) {
	cells := bytes.Split(line, []byte("\t"))
	if len(cells) != columns {
		return nil, errMalformed
	}
	for i, c := range cells {
		if string(c) == `\N` {
			cells[i] = nil
			continue
		}
		var err error
		if cells[i], err = unescaped(c); err != nil {
			return nil, err
		}
	}
	return cells, nil
}

// escapes are what a server writes behind a backslash.
var escapes = map[byte]byte{'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t', 'v': '\v', '\\': '\\'}

// unescaped is a value without its backslashes.
func unescaped(cell []byte) ([]byte, error) {
	if bytes.IndexByte(cell, '\\') < 0 {
		return cell, nil
	}
	b := make([]byte, 0, len(cell))
	for i := 0; i < len(cell); i++ {
		c := cell[i]
		if c == '\\' {
			var known bool
			if i++; i < len(cell) {
				c, known = escapes[cell[i]]
			}
			if !known {
				return nil, errMalformed
			}
		}
		b = append(b, c)
	}
	return b, nil
}
