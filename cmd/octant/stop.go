package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// errStopped is the cause of a context that ended because the process was asked to stop.
var errStopped = errors.New("asked to stop")

// stopContext returns a context that ends with the first SIGINT or SIGTERM. The second one ends the process at once.
func stopContext() (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if _, more := <-signals; !more {
			return
		}
		cancel(errStopped)
		if _, more := <-signals; more {
			fmt.Fprintln(os.Stderr, "octant: asked twice: not waiting")
			os.Exit(1)
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(signals)
		<-done
		cancel(nil)
	}
}
