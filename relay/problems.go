package relay

import (
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"
)

// problemAge is how long a problem that has not come up again is listed.
const problemAge = 24 * time.Hour

// problemEvery is how often the same problem is logged.
const problemEvery = time.Minute

// problems is the list of what an operator must know of.
type problems struct {
	clock  Clock
	logger *slog.Logger

	mu   sync.Mutex
	list map[[2]string]*openProblem
}

type openProblem struct {
	Problem
	last, logged time.Time
}

func newProblems(clock Clock, logger *slog.Logger) problems {
	return problems{clock: clock, logger: logger, list: make(map[[2]string]*openProblem)}
}

func (p *problems) report(x Problem) {
	now := p.clock.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	id := [2]string{x.Kind, x.Subject}
	open := p.list[id]
	if open == nil {
		open = &openProblem{Problem: Problem{Kind: x.Kind, Subject: x.Subject, Since: now}}
		p.list[id] = open
	}
	open.Detail, open.Remedy, open.last = x.Detail, x.Remedy, now
	open.Count++
	if now.Sub(open.logged) >= problemEvery {
		open.logged = now
		p.logger.Error("problem", "kind", x.Kind, "subject", x.Subject, "detail", x.Detail, "remedy", x.Remedy, "count", open.Count)
	}
}

// open returns the list, the oldest first.
func (p *problems) open() []Problem {
	now := p.clock.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	var list []Problem
	for id, x := range p.list {
		if now.Sub(x.last) > problemAge {
			delete(p.list, id)
			continue
		}
		list = append(list, x.Problem)
	}
	slices.SortFunc(list, func(a, b Problem) int {
		if c := a.Since.Compare(b.Since); c != 0 {
			return c
		}
		return strings.Compare(a.Kind+a.Subject, b.Kind+b.Subject)
	})
	return list
}
