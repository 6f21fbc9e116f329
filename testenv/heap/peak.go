// Package heap measures what a test takes of memory.
package heap

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"testing"
	"time"
)

// Peak looks at the heap two hundred times a second until its result is called, which returns the most bytes that were in it, garbage included. Garbage is collected meanwhile
// as it is without settings of the environment.
func Peak(t testing.TB) func() uint64 {
	t.Helper()
	percent := debug.SetGCPercent(100)
	runtime.GC()
	stop, result := make(chan struct{}), make(chan uint64)
	go watch(stop, result)
	return func() uint64 {
		close(stop)
		debug.SetGCPercent(percent)
		return <-result
	}
}

func watch(stop <-chan struct{}, result chan<- uint64) {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	var most uint64
	for {
		metrics.Read(sample)
		most = max(most, sample[0].Value.Uint64())
		select {
		case <-stop:
			result <- most
			return
		case <-tick.C:
		}
	}
}
