package conflict_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/octant-db/octant/conflict"
	"github.com/octant-db/octant/relay"
)

// BenchmarkChildRows is BenchmarkPlainRows for rows that refer to others, while nothing becomes of those: such as go with them, and such as follow them to another key.
func BenchmarkChildRows(b *testing.B) {
	tie := relay.Tie{Child: relay.TableName{Schema: "app", Table: "t"}, Parent: relay.TableName{Schema: "app", Table: "p"}, Columns: []string{"p"}}
	ready := func(e *conflict.Engine) { e.Follow(nil, heirOf, relay.Follows) }
	for name, parent := range map[string]string{"deletes": tie.Name(), "follows": tie.Heir().Name()} {
		b.Run(name, func(b *testing.B) {
			takeRows(b, ready, func(id int) conflict.Change {
				row := conflict.Row{Image: make(relay.Image, 80), Parents: []string{fmt.Sprint(parent, id%50)}}
				return conflict.Change{Key: conflict.Key(fmt.Sprintf("app.t\x00%d", id)), After: row}
			})
		})
	}
}

func heirOf(parent string) string {
	tie, ok := relay.ParseTie(parent)
	if !ok {
		return ""
	}
	return tie.Heir().Name() + strings.TrimPrefix(parent, tie.Name())
}
