package verify

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/octant-db/octant/relay"
)

// suspect is a row that was not the same everywhere when it was last looked at.
type suspect struct {
	key   relay.RowKey
	looks []relay.Look               // the last look of each member
	shown []map[relay.RowDigest]bool // by member: what it has shown past the first cut; the zero digest stands for no row
	anew  []bool                     // by member: written since the first cut
}

// maxShown bounds what is remembered of a row that changes all the time.
const maxShown = 64

func newSuspect(key relay.RowKey, members int) *suspect {
	s := &suspect{key: key, looks: make([]relay.Look, members), shown: make([]map[relay.RowDigest]bool, members), anew: make([]bool, members)}
	for i := range s.shown {
		s.shown[i] = map[relay.RowDigest]bool{}
	}
	return s
}

// take notes a member's look past a cut.
func (s *suspect) take(i int, l relay.Look) {
	s.looks[i] = l
	s.anew[i] = s.anew[i] || l.Written
	if len(s.shown[i]) < maxShown {
		s.shown[i][digestOf(l)] = true
	}
}

func digestOf(l relay.Look) relay.RowDigest {
	if l.Row == nil {
		return relay.RowDigest{}
	}
	return *l.Row
}

// verdict is what the looks say of a row.
type verdict uint8

const (
	open  verdict = iota // somebody has written it: look again
	clean                // every region has shown the same past a common cut
	guilty
)

// judge follows the rules of the package's comment.
func (s *suspect) judge() verdict {
	same, quiet := true, true
	for _, l := range s.looks {
		same = same && digestOf(l) == digestOf(s.looks[0])
		quiet = quiet && !l.Written
	}
	switch {
	case same, s.common():
		return clean
	case quiet:
		return guilty
	}
	return open
}

// common tells whether all members have shown the row alike at some time past the first cut.
func (s *suspect) common() bool {
	for d := range s.shown[0] {
		all := true
		for _, shown := range s.shown[1:] {
			all = all && shown[d]
		}
		if all {
			return true
		}
	}
	return false
}

// rewritten tells whether every region has written the row since the first cut: whatever it was before is gone.
func (s *suspect) rewritten() bool {
	for _, anew := range s.anew {
		if !anew {
			return false
		}
	}
	return true
}

// How long is waited between two judgements of rows that are being written.
const (
	firstPause = 100 * time.Millisecond
	mostPause  = 2 * time.Second
)

// settle judges the suspects, again and again, until none is open or patience ends.
func (c *comparison) settle(ctx context.Context) error {
	deadline := c.o.Clock.Now().Add(c.o.Patience)
	for pause := firstPause; len(c.suspects) > 0; pause = min(2*pause, mostPause) {
		late := c.o.Clock.Now().After(deadline)
		behind, err := c.round(ctx, deadline)
		if err != nil {
			return err
		}
		if behind != "" {
			c.t.Unsettled += len(c.suspects)
			c.t.Reason = behind
			c.suspects = nil
			return nil
		}
		if late {
			c.giveUp()
			return nil
		}
		if len(c.suspects) > 0 {
			if err := relay.Sleep(ctx, c.o.Clock, pause); err != nil {
				return err
			}
		}
	}
	return nil
}

// giveUp counts what was written all the time.
func (c *comparison) giveUp() {
	for _, s := range c.suspects {
		if s.rewritten() {
			c.t.Rewritten++
			continue
		}
		c.t.Unsettled++
		c.t.Reason = "rows were written all the time: compare again when there is less to do"
	}
	c.suspects = nil
}

// round takes a cut, waits until all have applied up to it, looks at the suspects and judges them. It returns who has not come that far, if
// somebody has not.
func (c *comparison) round(ctx context.Context, deadline time.Time) (behind string, err error) {
	ends, cut, err := c.cut(ctx)
	if err != nil {
		return "", err
	}
	if behind, err = c.await(ctx, cut, deadline); behind != "" || err != nil {
		return behind, err
	}
	if err := c.look(ctx, ends); err != nil {
		return "", err
	}
	left := c.suspects[:0]
	for _, s := range c.suspects {
		switch s.judge() {
		case open:
			left = append(left, s)
		case guilty:
			c.t.add(s, c.o.Limit)
		}
	}
	clear(c.suspects[len(left):])
	c.suspects = left
	return "", nil
}

// cut takes where the logs end, all of them before the clocks.
func (c *comparison) cut(ctx context.Context) (ends []relay.LSN, cut relay.Vector, err error) {
	ends = make([]relay.LSN, len(c.members))
	err = c.each(ctx, func(ctx context.Context, i int, side relay.Comparison) error {
		at, err := side.Cut(ctx)
		ends[i] = at.LSN
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	clocks := make([]relay.HLC, len(c.members))
	err = c.each(ctx, func(ctx context.Context, i int, side relay.Comparison) error {
		at, err := side.Cut(ctx)
		clocks[i] = at.HLC
		return err
	})
	for i, id := range c.ids {
		cut.Raise(id, clocks[i])
	}
	return ends, cut, err
}

// shownPoll is how often is asked whether a cut has been reached.
const shownPoll = 50 * time.Millisecond

// await returns once all members show the cut, or who does not until the deadline.
func (c *comparison) await(ctx context.Context, cut relay.Vector, deadline time.Time) (behind string, err error) {
	late := make([]bool, len(c.members))
	err = c.each(ctx, func(ctx context.Context, i int, side relay.Comparison) error {
		for {
			shown, err := side.Shown(ctx)
			if err != nil || c.covers(shown, cut, c.ids[i]) {
				return err
			}
			if late[i] = c.o.Clock.Now().After(deadline); late[i] {
				return nil
			}
			if err := relay.Sleep(ctx, c.o.Clock, shownPoll); err != nil {
				return err
			}
		}
	})
	var names []string
	for i, l := range late {
		if l {
			names = append(names, c.members[i].Name)
		}
	}
	if len(names) > 0 {
		behind = fmt.Sprintf("the others' changes have not all been applied in %s within %s: see octant status", strings.Join(names, ", "), c.o.Patience)
	}
	return behind, err
}

// covers tells whether a region's database shows all others up to the cut.
func (c *comparison) covers(shown, cut relay.Vector, self relay.Region) bool {
	for _, id := range c.ids {
		if id != self && shown.Get(id) < cut.Get(id) {
			return false
		}
	}
	return true
}

// look has every member look at the suspects.
func (c *comparison) look(ctx context.Context, ends []relay.LSN) error {
	keys := make([]relay.RowKey, len(c.suspects))
	for i, s := range c.suspects {
		keys[i] = s.key
	}
	looks := make([][]relay.Look, len(c.members))
	err := c.each(ctx, func(ctx context.Context, i int, side relay.Comparison) (err error) {
		looks[i], err = side.Look(ctx, c.t.Table, ends[i], keys)
		return err
	})
	if err != nil {
		return err
	}
	for n, s := range c.suspects {
		for i := range c.members {
			s.take(i, looks[i][n])
		}
	}
	return nil
}
