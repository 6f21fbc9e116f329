package applier_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/octant-db/octant/applier"
	"github.com/octant-db/octant/relay"
)

// timeless is a clock by which no time passes for those who wait.
type timeless struct{ hurried }

func (timeless) After(time.Duration) <-chan time.Time { return nil }

// TestALongBacklogLeavesTheIndexSmall: what is merged of it is forgotten as it goes along, though the region that wrote it says nothing meanwhile.
func TestALongBacklogLeavesTheIndexSmall(t *testing.T) {
	const transactions, rows, bound = 250, 100, 3 * 4096
	b := newBed(t, 2)
	b.config = func(c *applier.Config) { c.Clock = timeless{} }
	var mu sync.Mutex
	largest := 0
	b.d.onCommit = func(relay.Mark) error {
		mu.Lock()
		defer mu.Unlock()
		largest = max(largest, b.a.Status().Index)
		return nil
	}
	for n := range transactions {
		var list []string
		for i := range rows {
			list = append(list, insert(fmt.Sprintf("%d||backlog", n*rows+i)))
		}
		b.receive(2, now(), nil, list...)
	}
	b.start().settle()
	if largest > bound {
		t.Errorf("the index had %d of %d rows, more than %d", largest, transactions*rows, bound)
	}
	b.converged()
}
