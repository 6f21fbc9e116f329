package config

import "sync"

// maxVerdicts bounds the tables that are remembered; with more, all are judged anew.
const maxVerdicts = 10_000

// verdicts remembers which tables match: every row event asks.
type verdicts struct {
	mu    sync.RWMutex
	known map[[2]string]bool
}

// of returns what is known of a table, or judges it.
func (v *verdicts) of(schema, table string, judge func(schema, table string) bool) bool {
	name := [2]string{schema, table}
	v.mu.RLock()
	verdict, known := v.known[name]
	v.mu.RUnlock()
	if known {
		return verdict
	}
	verdict = judge(schema, table)
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.known == nil || len(v.known) >= maxVerdicts {
		v.known = make(map[[2]string]bool)
	}
	v.known[name] = verdict
	return verdict
}
