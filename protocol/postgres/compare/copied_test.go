package compare

import (
	"testing"

	"github.com/octant-db/octant/relay"
)

// FuzzCopied reads rows from anything.
func FuzzCopied(f *testing.F) {
	f.Add([]byte("1\ta\\tb\\\\\n2\t\\N\n"), 2)
	f.Add([]byte("1\t\\"), 1)
	f.Fuzz(func(t *testing.T, data []byte, rows int) {
		lines, err := copiedLines(relay.RowBatch{Rows: rows, Data: data})
		if err != nil {
			return
		}
		for _, line := range lines {
			cells, err := copiedCells(line, 2)
			if err == nil && len(cells) != 2 {
				t.Errorf("%d cells", len(cells))
			}
		}
	})
}
