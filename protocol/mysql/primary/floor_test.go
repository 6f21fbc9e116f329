package primary_test

import (
	"errors"
	"testing"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/protocol/mysql/primary"
	"github.com/octant-db/octant/relay"
)

// ahead is a log whose index knows more than can be read.
type ahead struct{ relay.LocalStream }

func (ahead) First() uint64                           { return 1 }
func (ahead) Last() uint64                            { return 1 }
func (ahead) Floor(string, string) (relay.LSN, error) { return 2, nil }
func (ahead) Entry(lsn relay.LSN) (relay.Entry, relay.Body, error) {
	if lsn > 1 {
		return relay.Entry{}, nil, relay.ErrNotFound
	}
	return relay.Entry{LSN: 1, Kind: relay.Frame, Position: ";bin.000001:256"}, func(func([]byte, error) bool) {}, nil
}

// TestUnreadableIsNotUnknown: a replica that is taken for one whose domain the log does not have is served from the end, with a silent gap.
func TestUnreadableIsNotUnknown(t *testing.T) {
	err := primary.StartByGTID(ahead{}, binlog.Set{0: {Domain: 0, Server: 1, Seq: 5}})
	if !errors.Is(err, relay.ErrCorrupt) {
		t.Fatalf("an index that leads beyond the log gave %v", err)
	}
}
