package rendition_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/relaylog"
)

// BenchmarkShow shows transactions of one and of many rows.
func BenchmarkShow(b *testing.B) {
	for _, rows := range []int{1, 100} {
		b.Run(fmt.Sprintf("rows=%d", rows), func(b *testing.B) {
			db := open(b, b.TempDir(), relaylog.Options{})
			defer db.Close()
			var messages [][]byte
			for i := range rows {
				messages = append(messages, message('U', 'N', image("a name of some length", "30", fmt.Sprint(i), `{"a": 1, "b": "two"}`)))
			}
			write(b, db, entry(&people, messages...))
			l := logOf(b, db.Local(), binlog.MySQL)
			size := int64(0)
			for b.Loop() {
				v := l.View("")
				if _, _, err := v.Open(1); err != nil {
					b.Fatal(err)
				}
				c, err := v.Read(1)
				if err != nil {
					b.Fatal(err)
				}
				_, body, err := c.Next(context.Background())
				if err != nil {
					b.Fatal(err)
				}
				size = 0
				for piece := range body {
					size += int64(len(piece))
				}
				c.Close()
			}
			b.SetBytes(size)
			b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}
