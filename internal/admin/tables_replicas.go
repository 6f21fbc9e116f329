package admin

import (
	"context"
	"iter"
)

// Renditions says what stock replicas of other engines than the database's are shown.
type Renditions interface {
	// ReplicaLogs tells up to where the log goes.
	ReplicaLogs() []ReplicaLog
	// ReplicaTables tells what the database's tables are for them.
	ReplicaTables(ctx context.Context) ([]ReplicaTable, error)
}

// ReplicaLog is the relay log in the form of one flavour.
type ReplicaLog struct {
	Flavour  string
	GTIDSet  string // all that it has, and had
	Position string // of the database, to which that goes
}

// ReplicaTable is a table in the words of one flavour.
type ReplicaTable struct {
	Flavour, Table string
	Create         string // the statement that makes it; "" if there is a problem
	Problem        string // why it cannot be shown
}

var replicaLogTable = table{
	name:    "replica_log",
	columns: []column{{"flavour", textColumn}, {"gtid_set", textColumn}, {"source_position", textColumn}},
	key:     "flavour",
	rows: fromList(func(e *Engine) []ReplicaLog {
		if e.cfg.Renditions == nil {
			return nil
		}
		return e.cfg.Renditions.ReplicaLogs()
	}, func(l ReplicaLog) []any { return []any{l.Flavour, l.GTIDSet, l.Position} }),
}

var replicaTablesTable = table{
	name:    "replica_tables",
	columns: []column{{"flavour", textColumn}, {"table_name", textColumn}, {"create_statement", longColumn}, {"problem", textColumn}},
	rows:    fromStream(replicaTables, func(t ReplicaTable) []any { return []any{t.Flavour, t.Table, t.Create, t.Problem} }),
}

func replicaTables(ctx context.Context, e *Engine) iter.Seq2[ReplicaTable, error] {
	return func(yield func(ReplicaTable, error) bool) {
		if e.cfg.Renditions == nil {
			return
		}
		list, err := e.cfg.Renditions.ReplicaTables(ctx)
		if err != nil {
			yield(ReplicaTable{}, err)
			return
		}
		for _, t := range list {
			if !yield(t, nil) {
				return
			}
		}
	}
}
