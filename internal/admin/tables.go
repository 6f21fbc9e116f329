package admin

import (
	"context"
	"iter"
)

// table is one read-only table. Its rows are made anew for each statement that reads it.
type table struct {
	name    string
	columns []column
	key     string // the column whose values are unique, "" if there is none
	rows    func(context.Context, *Engine) iter.Seq2[[]any, error]
}

// tables are those of database octant, by name.
var tables = []table{
	breakersTable, conflictsTable, countersTable, deadLettersTable, logTable, peersTable, problemsTable, replicaLogTable, replicaTablesTable, replicasTable, statusTable, tablesTable,
	variablesTable, verificationsTable, versionsTable,
}

// fromList makes rows of a list that is at hand at once.
func fromList[T any](list func(*Engine) []T, row func(T) []any) func(context.Context, *Engine) iter.Seq2[[]any, error] {
	return func(_ context.Context, e *Engine) iter.Seq2[[]any, error] {
		return func(yield func([]any, error) bool) {
			for _, v := range list(e) {
				if !yield(row(v), nil) {
					return
				}
			}
		}
	}
}

// fromStream makes rows of a list that is too long to be at hand.
func fromStream[T any](
	stream func(context.Context, *Engine) iter.Seq2[T, error], row func(T) []any,
) func(context.Context, *Engine) iter.Seq2[[]any, error] {
	return func(ctx context.Context, e *Engine) iter.Seq2[[]any, error] {
		return func(yield func([]any, error) bool) {
			for v, err := range stream(ctx, e) {
				if err != nil {
					yield(nil, err)
					return
				}
				if !yield(row(v), nil) {
					return
				}
			}
		}
	}
}

// fromOne makes a row of a single value.
func fromOne[T any](one func(*Engine) T, row func(T) []any) func(context.Context, *Engine) iter.Seq2[[]any, error] {
	return fromList(func(e *Engine) []T { return []T{one(e)} }, row)
}
