package main

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/octant-db/octant/relay"
)

// reader stands in the applier's place where nothing is to be written: a relay that captures and serves, and has no peers.
type reader struct{ local relay.LocalStream }

// Run implements relay.Applier.
func (reader) Run(ctx context.Context) error {
	<-ctx.Done()
	return context.Cause(ctx)
}

// Meet implements relay.Applier.
func (reader) Meet(relay.Hello) {}

// Pause implements relay.Applier.
func (reader) Pause(relay.Region, bool) {}

// Heard implements relay.Applier.
func (reader) TakeBack(context.Context, relay.Region) error { return nil }

func (reader) Heard(relay.Region, relay.Heartbeat) {}

// Announce implements relay.Applier.
func (reader) Announce() relay.Vector { return nil }

// Part implements relay.Applier.
func (reader) Part(relay.Region) {}

// Fence implements relay.Applier.
func (reader) Fence(context.Context) error {
	return errors.New("wait for the log: nothing is written to this database")
}

// Needs implements relay.Applier: nothing is read again after a crash.
func (r reader) Needs() (relay.LSN, map[relay.Region]relay.Seq) {
	return relay.LSN(r.local.Last() + 1), nil
}

// Save implements relay.Applier.
func (reader) Save(context.Context) error { return nil }

// Status implements relay.ApplyView.
func (reader) Status() relay.ApplyStatus { return relay.ApplyStatus{Writable: true} }

// Count implements relay.ApplyView.
func (reader) Count(*relay.Counters) {}

// Merged implements relay.ApplyView.
func (r reader) Merged() relay.LSN { return relay.LSN(r.local.Last()) }

// Origin implements relay.ApplyView.
func (reader) Origin(relay.Region) (relay.SeqHLC, string) { return relay.SeqHLC{}, "" }

// Promised implements relay.ApplyView.
func (reader) Promised(relay.Region) relay.HLC { return 0 }

// Dissent implements relay.ApplyView.
func (reader) Dissent(relay.Region) string { return "" }

// Lag implements relay.ApplyView.
func (reader) Lag(relay.Region) time.Duration { return 0 }

// Tables implements relay.ApplyView.
func (reader) Tables() []relay.TableStatus { return nil }

// ConflictCounts implements relay.ApplyView.
func (reader) ConflictCounts() []relay.ConflictCount { return nil }

// Conflicts implements relay.ApplyView.
func (reader) Conflicts(context.Context) iter.Seq2[relay.Conflict, error] {
	return func(func(relay.Conflict, error) bool) {}
}

// Versions implements relay.ApplyView.
func (reader) Versions(context.Context) iter.Seq2[relay.RowVersion, error] {
	return func(func(relay.RowVersion, error) bool) {}
}

// DeadLetters implements relay.Letters.
func (reader) DeadLetters(context.Context) iter.Seq2[relay.DeadLetter, error] {
	return func(func(relay.DeadLetter, error) bool) {}
}

// RetryLetter implements relay.Letters.
func (reader) RetryLetter(context.Context, uint64) error { return relay.ErrNotFound }

// SkipLetter implements relay.Letters.
func (reader) SkipLetter(context.Context, uint64) error { return relay.ErrNotFound }

// EditLetter implements relay.Letters.
func (reader) EditLetter(context.Context, uint64, string) error { return relay.ErrNotFound }

// LetterCounts implements relay.Letters.
func (reader) LetterCounts() map[relay.Reason]int { return nil }

// Breakers implements relay.ApplyView.
func (reader) Breakers() []relay.BreakerStatus { return nil }

// Explain implements relay.Resolver.
func (reader) Explain(context.Context, string, []string) ([]relay.Reasoning, error) {
	return nil, relay.ErrNotFound
}

// Resolve implements relay.Resolver.
func (reader) Resolve(context.Context, uint64, string) error { return relay.ErrNotFound }
