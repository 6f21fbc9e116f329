package primary_test

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/protocol/mysql/primary"
	"github.com/octant-db/octant/relay"
)

// The log that is read together: about 400 batches, of which the shelf has room for four.
const (
	sharedEntries = 2000
	sharedEntry   = 100 << 10
	sharedShelf   = 2 << 20
)

// counted is a relay log that counts the entries that are read from it.
type counted struct {
	relay.LocalStream
	event []byte
	reads atomic.Int64
}

func newCounted() *counted {
	return &counted{event: binlog.Ignorable(200, 1, make([]byte, sharedEntry))}
}

func (*counted) Last() uint64 { return sharedEntries }

func (l *counted) Read(from relay.LSN) (relay.Cursor[relay.Entry], error) {
	return &countedCursor{l, from}, nil
}

type countedCursor struct {
	log *counted
	at  relay.LSN
}

func (c *countedCursor) Next(context.Context) (relay.Entry, relay.Body, error) {
	size := int64(len(c.log.event))
	e := relay.Entry{LSN: c.at, Size: size, Keys: []string{binlog.PositionKey("bin.000001", uint64(4+int64(c.at)*size))}}
	c.at++
	c.log.reads.Add(1)
	return e, binlog.One(c.log.event), nil
}

func (*countedCursor) Close() {}

// readOn reads the log to its end, after a while for each batch.
func readOn(t *testing.T, r *primary.Reader, while func() time.Duration) {
	ctx, cancel := context.WithCancel(t.Context())
	for lsn := relay.LSN(1); lsn <= sharedEntries; {
		next, err := r.Get(ctx, lsn)
		if err != nil {
			t.Error(err)
			break
		}
		lsn = next
		time.Sleep(while())
	}
	cancel()
	r.Close()
}

// Eight replicas that begin at the same place and are now faster and now slower read the log about once, though the shelf holds only a small part of it.
func TestReadersStayTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newCounted()
		shelf := primary.NewShelf(log, sharedShelf)
		var readers sync.WaitGroup
		for i := range uint64(8) {
			r := rand.New(rand.NewPCG(1, i))
			readers.Go(func() {
				readOn(t, shelf.NewReader(), func() time.Duration { return time.Duration(r.Int64N(int64(4 * time.Millisecond))) })
			})
		}
		readers.Wait()
		if n := log.reads.Load(); n > sharedEntries*5/4 {
			t.Errorf("%d entries were read, of a log that has %d", n, sharedEntries)
		}
	})
}

// Eight replicas that come back one after the other, when those before are already further than the shelf reaches, are together soon.
func TestReadersComeTogether(t *testing.T) {
	const apart = 6 * time.Millisecond // a batch a millisecond is a shelf and a half
	for range 5 {
		synctest.Test(t, func(t *testing.T) {
			log := newCounted()
			shelf := primary.NewShelf(log, sharedShelf)
			var readers sync.WaitGroup
			for range 8 {
				readers.Go(func() { readOn(t, shelf.NewReader(), func() time.Duration { return time.Millisecond }) })
				time.Sleep(apart)
			}
			readers.Wait()
			if n := log.reads.Load(); n > sharedEntries*2 {
				t.Errorf("%d entries were read, of a log that has %d", n, sharedEntries)
			}
		})
	}
}

// A replica waits for nobody who is behind if it is near the end of the log itself, or if the other one is too far away.
func TestReadersGoOn(t *testing.T) {
	for name, at := range map[string]struct{ behind, ahead relay.LSN }{
		"near the end": {sharedEntries - 100, sharedEntries - 60},
		"at the end":   {sharedEntries - 30, sharedEntries - 30},
		"far ahead":    {1, sharedEntries / 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { goOn(t, at.behind, at.ahead) })
		})
	}
}

func goOn(t *testing.T, at, ahead relay.LSN) {
	shelf := primary.NewShelf(newCounted(), sharedShelf)
	stands, goes := shelf.NewReader(), shelf.NewReader()
	ctx, cancel := context.WithCancel(t.Context())
	if _, err := stands.Get(ctx, at); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	for lsn := ahead; lsn < min(ahead+50, sharedEntries); {
		next, err := goes.Get(ctx, lsn)
		if err != nil {
			t.Fatal(err)
		}
		lsn = next
	}
	if took := time.Since(began); took != 0 {
		t.Errorf("it waited for %v", took)
	}
	cancel()
	stands.Close()
	goes.Close()
}

// Replicas that stand still, or take what they get more slowly, hold the others up for a moment, once, however many they are. They get everything all the same.
func TestSlowReadersAreLeftBehind(t *testing.T) {
	for name, paces := range map[string][]time.Duration{
		"one stands still": {time.Hour},
		"one is slow":      {10 * time.Millisecond},
		"many are slow":    {time.Hour, 50 * time.Millisecond, 20 * time.Millisecond, 10 * time.Millisecond, 5 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				shelf := primary.NewShelf(newCounted(), sharedShelf)
				began := time.Now()
				var slow, others sync.WaitGroup
				for _, pace := range paces {
					slow.Go(func() { readOn(t, shelf.NewReader(), func() time.Duration { return pace }) })
				}
				for range 3 {
					others.Go(func() { readOn(t, shelf.NewReader(), func() time.Duration { return 0 }) })
				}
				others.Wait()
				if took := time.Since(began); took > standing(took) {
					t.Errorf("the others took %v, of which they may have waited for %v", took, standing(took))
				}
				slow.Wait()
			})
		})
	}
}
