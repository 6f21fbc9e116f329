package main

import (
	"context"
	"os"
	"time"

	"github.com/octant-db/octant/internal/watch"
)

// drawEvery is how often `octant status --watch` draws.
const drawEvery = time.Second

func runStatus(ctx context.Context, args []string) error {
	flags := newFlags("status")
	again := flags.Bool("watch", false, "draw again every second until Ctrl-C")
	cfg, err := parseWithConfig(flags, args)
	if err != nil {
		return err
	}
	fetch := watch.FromHTTP(nil, cfg.Listen.HTTP)
	if *again {
		return watch.Watch(ctx, fetch, os.Stdout, drawEvery)
	}
	return watch.Show(ctx, fetch, os.Stdout)
}
