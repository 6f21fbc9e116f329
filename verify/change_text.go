package verify

import (
	"fmt"
	"io"
	"strings"

	"github.com/octant-db/octant/relay"
)

// WriteText shows exactly what a change does, with the values of rows.
func (c *Change) WriteText(w io.Writer) error {
	var b strings.Builder
	row := c.Is
	if row == nil {
		row = c.Was
	}
	fmt.Fprintf(&b, "%s: %s", c.Region, c.Table)
	for _, v := range row.Values {
		if v.Key {
			fmt.Fprintf(&b, " %s=%s", v.Name, literal(v.Value))
		}
	}
	switch {
	case c.Is == nil:
		b.WriteString(" DELETE" + all(c.Was))
	case c.Was == nil:
		b.WriteString(" INSERT" + all(c.Is))
	default:
		b.WriteString(" UPDATE" + changed(c.Was.Values, c.Is.Values))
	}
	_, err := io.WriteString(w, b.String()+"\n")
	return err
}

func all(row *Content) string {
	text := ""
	for _, v := range row.Values {
		if !v.Key {
			text += " " + v.Name + "=" + literal(v.Value)
		}
	}
	return text
}

func changed(was, is []relay.ColumnValue) string {
	text := ""
	for i := range min(len(was), len(is)) {
		if !was[i].Same(&is[i]) {
			text += " " + is[i].Name + ": " + literal(was[i].Value) + " -> " + literal(is[i].Value)
		}
	}
	return text
}

func literal(v []byte) string {
	if v == nil {
		return "NULL"
	}
	return fmt.Sprintf("%q", shown(v))
}
