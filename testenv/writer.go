package testenv

import (
	"context"
	"database/sql"
	"fmt"
	"sync/atomic"
	"time"
)

// patience bounds one transaction, so that a workload ends though a server hangs. It is longer than a
// database takes to recover from a crash.
const patience = 60 * time.Second

// outcome is what a writer knows of a transaction.
type outcome int

const (
	committed outcome = iota
	aborted           // certainly without effect
	unknown           // the connection ended while COMMIT ran
)

// Tally counts the transactions of a workload by outcome.
type Tally struct {
	Committed int64 // surely
	Aborted   int64 // surely not: deadlocks, duplicate keys, servers that were down
	Unknown   int64 // the connection ended during COMMIT
}

type tally struct{ committed, aborted, unknown atomic.Int64 }

func (t *tally) add(o outcome) {
	switch o {
	case committed:
		t.committed.Add(1)
	case aborted:
		t.aborted.Add(1)
	case unknown:
		t.unknown.Add(1)
	}
}

func (t *tally) read() Tally {
	return Tally{t.committed.Load(), t.aborted.Load(), t.unknown.Load()}
}

// transact runs body in a transaction. A transaction that has begun is ended even when ctx ends meanwhile, so
// that only a server can make an outcome unknown. The error says why a transaction is not known to have
// committed.
func transact(ctx context.Context, db *sql.DB, body func(context.Context, *sql.Tx) error) (outcome, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return aborted, fmt.Errorf("begin: %w", err)
	}
	if err := body(ctx, tx); err != nil {
		_ = tx.Rollback() // a connection that cannot even roll back ends, which rolls back too
		return aborted, err
	}
	if err := tx.Commit(); err != nil {
		if refused(err) {
			return aborted, fmt.Errorf("commit: %w", err)
		}
		return unknown, fmt.Errorf("commit: %w", err)
	}
	return committed, nil
}

// rest keeps a writer from spinning: a little after an error that the server did not answer with, which
// means that it is down, and otherwise for the workload's own pause.
func rest(ctx context.Context, err error, own time.Duration) error {
	if err != nil && !refused(err) {
		own = max(own, 50*time.Millisecond)
	}
	return pause(ctx, own)
}
