package demo

import (
	"context"
	"sync"
	"time"
)

// How often relays are asked, the board is drawn, and a line is printed where there is no terminal.
const (
	askEvery   = time.Second
	printEvery = 2
)

// watch shows progress until ctx ends.
func (s *show) watch(ctx context.Context) {
	lines := make([]line, len(s.writers))
	began := time.Now()
	last := began
	ticker := time.NewTicker(askEvery)
	defer ticker.Stop()
	for n := 1; ; n++ {
		select {
		case <-ctx.Done():
			s.screen.keep()
			return
		case <-ticker.C:
		}
		s.ask(ctx, lines)
		now := time.Now()
		s.count(lines, now.Sub(last))
		last = now
		if ctx.Err() != nil {
			continue
		}
		if s.options.Terminal {
			s.screen.draw(board(lines, true))
		} else if n%printEvery == 0 {
			s.say("%s", short(now.Sub(began), lines))
		}
	}
}

// ask reads all relays at the same time. One that does not answer keeps its last values.
func (s *show) ask(ctx context.Context, lines []line) {
	var all sync.WaitGroup
	for i, g := range s.gauges {
		all.Go(func() {
			r, err := g.read(ctx)
			if lines[i].silent = err != nil; err == nil {
				lines[i].lag, lines[i].conflicts = r.lag, r.conflicts
			}
		})
	}
	all.Wait()
}

// count fills in what the applications did since the last time.
func (s *show) count(lines []line, since time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, w := range s.writers {
		l := &lines[i]
		rows := w.rows.Load()
		l.region, l.state = w.site.Name, s.states[i]
		l.perSecond, l.rows = float64(rows-l.rows)/since.Seconds(), rows
		if !l.silent {
			s.maxLag = max(s.maxLag, l.lag)
		}
	}
}
