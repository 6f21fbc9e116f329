package primary

import (
	"context"
	"strings"
	"sync"
	"time"
)

// activity is what a session does at the moment. It is shared.
type activity struct {
	mu       sync.Mutex
	since    time.Time
	database string // named at login
	info     string // of a statement; "" while there is none
	cancel   context.CancelCauseFunc
}

// loggedIn notes which database the client named.
func (a *activity) loggedIn(database string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.database = database
}

// idle notes that the client is expected to say something.
func (a *activity) idle(now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.since, a.info, a.cancel = now, "", nil
}

// begin notes a statement, or a dump if info is "", and what ends it.
func (a *activity) begin(now time.Time, info string, cancel context.CancelCauseFunc) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.since, a.info, a.cancel = now, info, cancel
}

// interrupt ends what was begun.
func (a *activity) interrupt() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.cancel != nil {
		a.cancel(errInterrupted)
	}
}

func (a *activity) describe(c *Connection) {
	a.mu.Lock()
	defer a.mu.Unlock()
	c.Since, c.Database, c.Info = a.since, a.database, a.info
}

// maxInfo is how much of a statement is shown.
const maxInfo = 1024

// redact returns a statement as others may see it: strings can be passwords, so that they become '?'.
func redact(query string) string {
	tokens, ok := tokenize(query)
	if !ok {
		word, _, _ := strings.Cut(strings.TrimSpace(query), " ")
		return word[:min(len(word), 32)] + " ..."
	}
	var b strings.Builder
	for i, t := range tokens {
		if b.Len() > maxInfo {
			break
		}
		if i > 0 {
			b.WriteByte(' ')
		}
		switch t.kind {
		case tokenString:
			b.WriteString("'?'")
		case tokenUser:
			b.WriteString("@" + t.text)
		case tokenSystem:
			b.WriteString("@@" + t.text)
		default:
			b.WriteString(t.text)
		}
	}
	return b.String()
}
