package main

import (
	"context"
	"errors"
	"runtime"
	"runtime/debug"
	"testing"
	"time"
)

// ticks is a clock whose waits end when the test says so.
type ticks chan time.Time

func (ticks) Now() time.Time                         { return time.Now() }
func (c ticks) After(time.Duration) <-chan time.Time { return c }

// TestRoomForWhatIsInUse: the limit follows what the relay needs for long, up and down, and is never below the target.
func TestRoomForWhatIsInUse(t *testing.T) {
	before := debug.SetMemoryLimit(-1)
	defer debug.SetMemoryLimit(before)
	ctx, cancel := context.WithCancel(t.Context())
	tick, ended := make(ticks), make(chan error, 1)
	go func() { ended <- giveRoom(ctx, tick) }()
	limit := func(looks int) int64 {
		runtime.GC()
		for range looks + 1 { // when the last is taken, those before it have been dealt with
			tick <- time.Time{}
		}
		return debug.SetMemoryLimit(-1)
	}
	const held = 256 << 20
	histories := make([]byte, held)
	if got := limit(lasting / 2); got != memoryTarget {
		t.Errorf("the limit is %d MiB in a burst", got>>20)
	}
	if got := limit(lasting); got < held+held/2 {
		t.Errorf("the limit is %d MiB with %d in use", got>>20, held>>20)
	}
	runtime.KeepAlive(histories)
	histories = nil
	if got := limit(1); got != memoryTarget {
		t.Errorf("the limit is %d MiB again", got>>20)
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
