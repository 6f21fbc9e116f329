package verify

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// shownDifferences is how many differences of a table the text lists. The JSON has them all.
const shownDifferences = 20

// WriteText tells of one table.
func (t *TableReport) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%-10s %s", t.Result, t.Table)
	if t.Result != Skipped && t.Rows > 0 {
		fmt.Fprintf(&b, "  %d rows in %d chunks, %d looked at again, %.1f s", t.Rows, t.Chunks, t.Rechecked, t.Seconds)
	}
	if n := len(t.Differences) + t.More; n > 0 {
		fmt.Fprintf(&b, "; %s", count(n, "row differs", "rows differ"))
	}
	if t.Unsettled > 0 {
		fmt.Fprintf(&b, "; %s", count(t.Unsettled, "row could not be compared", "rows could not be compared"))
	}
	if t.Rewritten > 0 {
		fmt.Fprintf(&b, "; %s", count(t.Rewritten, "row was written anew everywhere meanwhile", "rows were written anew everywhere meanwhile"))
	}
	if t.Reason != "" {
		fmt.Fprintf(&b, ": %s", t.Reason)
	}
	b.WriteByte('\n')
	for i := range t.Differences[:min(len(t.Differences), shownDifferences)] {
		t.Differences[i].write(&b)
	}
	if n := len(t.Differences) + t.More - shownDifferences; n > 0 {
		fmt.Fprintf(&b, "    and %d more: --json lists them\n", n)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// write tells which regions show the row alike, with the newest write that their logs know.
func (d *Difference) write(b *strings.Builder) {
	var key []string
	for _, name := range slices.Sorted(maps.Keys(d.Name)) {
		key = append(key, name+"="+d.Name[name])
	}
	fmt.Fprintf(b, "    %s", strings.Join(key, " "))
	if len(d.Columns) > 0 {
		fmt.Fprintf(b, ": differs in %s", strings.Join(d.Columns, ", "))
	}
	b.WriteByte('\n')
	for _, group := range d.groups() {
		row := group[0]
		fmt.Fprintf(b, "      %-8s ", strings.Join(regionsOf(group), ", "))
		switch {
		case row.Missing:
			b.WriteString("no such row")
		default:
			fmt.Fprintf(b, "digest %.8s", row.Digest)
		}
		if v := newest(group); v != "" {
			fmt.Fprintf(b, ", last write %s", v)
		}
		for _, name := range slices.Sorted(maps.Keys(row.Values)) {
			value := "NULL"
			if row.Values[name] != nil {
				value = fmt.Sprintf("%q", *row.Values[name])
			}
			fmt.Fprintf(b, " %s=%s", name, value)
		}
		b.WriteByte('\n')
	}
}

// groups are the regions that show the row alike, in the order of their first.
func (d *Difference) groups() [][]*RowState {
	var groups [][]*RowState
	for i := range d.Rows {
		row := &d.Rows[i]
		n := slices.IndexFunc(groups, func(g []*RowState) bool { return g[0].Digest == row.Digest })
		if n < 0 {
			groups = append(groups, nil)
			n = len(groups) - 1
		}
		groups[n] = append(groups[n], row)
	}
	return groups
}

func regionsOf(group []*RowState) []string {
	names := make([]string, len(group))
	for i, row := range group {
		names[i] = row.Region
	}
	return names
}
