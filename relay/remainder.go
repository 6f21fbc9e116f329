package relay

import (
	"context"
	"fmt"
)

// Remainder is what a region had committed and no other region has received when its relay's log was lost. Its database's log still has it: read again from behind the last
// transaction that another region has, it gets the numbers that it would have had, and clocks as late, and is sent as it would have been. Then the region joins again, as the
// copy of a region that has all of it.
type Remainder struct {
	Self  Hello
	Log   Log // the transactions are in its local stream; nothing is added any more
	Clock Clock
}

var _ Publisher = (*Remainder)(nil)

// Open implements Publisher.
func (m *Remainder) Open(_ context.Context, from Hello, w Want) (Hello, Feed, error) {
	if _, err := Agree(from, m.Self); err != nil {
		return Hello{}, nil, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	if from.Cluster != m.Self.Cluster || w.Origin != 0 {
		return Hello{}, nil, fmt.Errorf("%w: region %s has lost its relay log, and only gives what it had not sent to the other regions of cluster %q", ErrRefused, m.Self.Name, m.Self.Cluster)
	}
	last := m.Log.State().Seq
	first := w.First
	if first == 0 {
		first = last + 1
	}
	if begin := last + 1 - Seq(m.Log.Local().Last()); first < begin || first > last+1 {
		return Hello{}, nil, fmt.Errorf("%w: region %s asks for transaction %d of region %s, which has lost its relay log and has %d to %d again",
			ErrRefused, from.Name, first, m.Self.Name, begin, last)
	}
	never := make(chan struct{})
	p := pace{clock: m.Clock, grown: func() <-chan struct{} { return never }, heartbeat: m.heartbeat}
	return m.Self, newPublication(p, &ownSource{log: m.Log, self: m.Self.Region}, nothingAhead{}, first), nil
}

// heartbeat says only what is known without having joined.
func (m *Remainder) heartbeat() *Heartbeat {
	s := m.Log.State()
	return &Heartbeat{Last: s.Seq, Promise: s.HLC, Wall: m.Clock.Now().UnixMicro()}
}
