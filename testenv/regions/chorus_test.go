package regions_test

import (
	"fmt"
	"strings"
	"sync"

	"github.com/octant-db/octant/scenarios"
)

// chorus plays scenarios at the same time in one bed. What happens to a whole region happens to all of them, so they have the same faults in the
// same order, and wait for each other before each.
type chorus struct {
	mu      sync.Mutex
	moved   *sync.Cond
	players int
	waiting int
	round   int
	err     error
}

func newChorus(players int) *chorus {
	c := &chorus{players: players}
	c.moved = sync.NewCond(&c.mu)
	return c
}

// together waits for all players, one of whom does it. All get its error.
func (c *chorus) together(do func() error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting++
	for round := c.round; c.round == round; {
		if c.waiting == c.players {
			c.err = do()
			c.waiting = 0
			c.round++
			c.moved.Broadcast()
			break
		}
		c.moved.Wait()
	}
	return c.err
}

// leave takes a player out, at its end or when it fails.
func (c *chorus) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.players--
	c.moved.Broadcast()
}

// faults names what happens to the regions in a scenario, in order. A change of rules is no one else's.
func faults(s *scenarios.Scenario) string {
	var list []string
	for _, step := range s.Steps {
		switch v := step.Do.(type) {
		case scenarios.Cut, scenarios.Heal, scenarios.Kill, scenarios.Settle:
			list = append(list, fmt.Sprintf("%T%v", v, v))
		case scenarios.Change:
			list = append(list, s.Name)
		}
	}
	return strings.Join(list, " ")
}

// chorusOf puts those together that have the same faults, in the order in which the first of each comes.
func chorusOf(all []*scenarios.Scenario) [][]*scenarios.Scenario {
	var groups [][]*scenarios.Scenario
	place := make(map[string]int)
	for _, s := range all {
		f := faults(s)
		i, known := place[f]
		if !known {
			i = len(groups)
			place[f] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], s)
	}
	return groups
}
