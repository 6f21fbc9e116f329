package protocoltest

import (
	"context"
	"testing"

	"github.com/octant-db/octant/relay"
)

// Engine is a running database, with a schema app that is empty, and what the engine's package makes of it.
type Engine interface {
	// Exec runs statements as an application would. A text of several is one after the other, in one session.
	Exec(t testing.TB, sql string)
	// Query returns the first column of a query's rows, as texts.
	Query(t testing.TB, sql string) []string
	// Source returns a new source. It captures the same database every time.
	Source(t testing.TB) Source
	// Target returns a new target, which is ready for use. It ends with the test.
	Target(t testing.TB) relay.Target
	// Copier returns a new copier of the tables of schema app. It ends with the test.
	Copier(t testing.TB) relay.TableCopier
	// Decoder reads what the source captures.
	Decoder() relay.Decoder
}

// Source is a relay.Source that tells when it knows where it begins.
type Source interface {
	relay.Source
	Begun(context.Context) error
}

// Self is the region of the Target's database.
const Self relay.Region = 1

// Run runs the suite.
func Run(t *testing.T, e Engine) {
	e.Exec(t, `CREATE TABLE app.item (id INT PRIMARY KEY, v VARCHAR(40), n BIGINT NOT NULL)`)
	e.Exec(t, `CREATE TABLE app.one (id INT PRIMARY KEY, code INT UNIQUE)`)
	e.Exec(t, `CREATE TABLE app.pair (b INT NOT NULL, v VARCHAR(80), a VARCHAR(20) NOT NULL, u INT UNIQUE, PRIMARY KEY (a, b))`)
	e.Exec(t, `CREATE TABLE app.gone (id INT PRIMARY KEY, v INT)`)
	target := e.Target(t)
	for _, c := range []struct {
		name string
		run  func(*testing.T, *bed)
	}{
		{"TransactionsComeWholeAndInOrder", transactionsComeWhole},
		{"WhatWasUndoneIsNotCaptured", undoneIsNotCaptured},
		{"CaptureGoesOnWithoutHoleOrRepeat", captureGoesOn},
		{"LargeTransactionIsOneEntry", largeTransaction},
		{"OwnTransactionsAreToldByTheirMarks", ownTransactions},
		{"MarkIsCommittedOnce", markOnce},
		{"RowsThatAreNotAsExpected", presence},
		{"UnknownRowsAreWrittenWhateverStands", unknownRows},
		{"RollbackLeavesNothing", rollback},
		{"UniqueValueInTheWay", uniqueInTheWay},
		{"IdentityIsTheRows", identity},
		{"RowsAreCopiedInChunks", rowsAreCopied},
		{"RowsAreCopiedOverOthers", copiedOverOthers},
		{"RowsThatAreCutShortAreNotCopied", copiedCutShort},
		{"TablesAreReadyForRows", readyForRows},
		{"MissingTableIsRefused", missingTable}, // the last one: app.gone is dropped
	} {
		t.Run(c.name, func(t *testing.T) {
			e.Exec(t, "DELETE FROM app.item; DELETE FROM app.one; DELETE FROM app.pair")
			c.run(t, newBed(t, e, target))
		})
	}
}
