package relay_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/octant-db/octant/relay"
)

// counted is a log that counts how often an entry was looked for.
type counted struct {
	relay.Log
	looks *atomic.Int32
}

func (l counted) Local() relay.LocalStream { return countedStream{l.Log.Local(), l.looks} }

type countedStream struct {
	relay.LocalStream
	looks *atomic.Int32
}

func (s countedStream) BySeq(seq relay.Seq) (relay.LSN, error) {
	s.looks.Add(1)
	return s.LocalStream.BySeq(seq)
}

func (s countedStream) Entry(lsn relay.LSN) (relay.Entry, relay.Body, error) {
	s.looks.Add(1)
	return s.LocalStream.Entry(lsn)
}

// TestABacklogIsReadInOrder: a subscriber that is behind has the log read once, not searched for each transaction.
func TestABacklogIsReadInOrder(t *testing.T) {
	var looks atomic.Int32
	n := newNode(t, newNetwork(), 1)
	n.wrap = func(l relay.Log) relay.Log { return counted{l, &looks} }
	n.start()
	const many = 300
	for i := range relay.Seq(many) {
		n.source.add(relay.Local, nil, []byte("native"))
		n.source.add(relay.Applied, &relay.Mark{Origin: 60, Range: relay.Range{From: i + 1, To: i + 1}}, []byte("foreign"))
	}
	n.captured()
	_, feed, err := n.relay.Open(t.Context(), relay.Hello{Cluster: "shop", Name: "b", Region: 2, Store: "s", Protocol: 1, Oldest: 1}, relay.Want{First: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer feed.Close()
	looks.Store(0)
	for i := range many {
		wants(t, func() string { return next(t, feed) }, fmt.Sprint("transaction ", i+1), "native", "end")
	}
	if got := looks.Load(); got > 3 {
		t.Errorf("%d transactions took %d looks into the log", many, got)
	}
}
