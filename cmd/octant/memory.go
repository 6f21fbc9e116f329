package main

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"slices"
	"sync"
	"time"

	"github.com/octant-db/octant/relay"
)

const (
	// memoryTarget is up to where the garbage collector lets memory grow, so that bursts do not leave a large process behind.
	memoryTarget = 176 << 20
	// beside is what a relay has besides its heap.
	beside = 48 << 20
	// lookEvery is how often is looked how much is in use, and lasting how many looks make what lasts.
	lookEvery = time.Second
	lasting   = 30
)

// giveRoom keeps the memory limit above what is in use for long, unless GOMEMLIMIT says how much there is: below that the garbage collector takes half of the processors, and
// frees nothing. A burst gets no more room: that is what the target is for.
func giveRoom(ctx context.Context, clock relay.Clock) error {
	if os.Getenv("GOMEMLIMIT") != "" {
		return nil
	}
	debug.SetMemoryLimit(memoryTarget)
	var looks [lasting]uint64
	for n := 0; ; n++ {
		if err := relay.Sleep(ctx, clock, lookEvery); err != nil {
			return err
		}
		looks[n%lasting] = heapInUse()
		debug.SetMemoryLimit(roomFor(slices.Min(looks[:])))
	}
}

// keepRoom is giveRoom until stop is called.
func keepRoom(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var room sync.WaitGroup
	room.Go(func() { _ = giveRoom(ctx, relay.SystemClock{}) })
	return func() {
		cancel()
		room.Wait()
	}
}

// roomFor is the memory limit when so many bytes of the heap are in use: half as much again may be garbage.
func roomFor(inUse uint64) int64 { return max(memoryTarget, int64(inUse)/2*3+beside) }

// heapInUse is how many bytes the last garbage collection has found in use.
func heapInUse() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
