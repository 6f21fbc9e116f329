package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"

	"github.com/octant-db/octant/internal/config"
	"github.com/octant-db/octant/join"
	"github.com/octant-db/octant/relay"
	"github.com/octant-db/octant/relaylog"
)

// sendRemainder sends what this region's database has committed and no other region has received, unless the region has begun to join.
func sendRemainder(ctx context.Context, cfg *config.Config, n *join.Newcomer, e *engine, db *database, bar *bar, log *slog.Logger) error {
	source, able := db.source.(relay.Revisitor)
	begun, err := join.Unfinished(n.Store)
	if err != nil || begun || !able {
		return err
	}
	if err := db.ready(ctx); err != nil {
		return fmt.Errorf("prepare the database: %w", err)
	}
	applied, err := db.target.Applied(ctx)
	if err != nil {
		return fmt.Errorf("read the ledger octant.applied: %w", err)
	}
	dialer, err := peerDialer(cfg)
	if err != nil {
		return err
	}
	dir := filepath.Join(cfg.Region.DataDir, "unsent")
	if err := os.RemoveAll(dir); err != nil { // of an attempt that was interrupted
		return fmt.Errorf("join: %w", err)
	}
	var syncs atomic.Uint64
	scratch, err := openLogIn(dir, cfg, &syncs, log)
	if err != nil {
		return err
	}
	r := &join.Remainder{
		Self: n.Self, Members: append([]join.Member{n.Donor}, n.Others...), Source: source, Log: scratch, Dialer: dialer, Applied: applied,
		Serve: func(ctx context.Context, p relay.Publisher) error { return serveRelays(ctx, cfg, e, p, log) }, Clock: relay.SystemClock{}, Logger: log,
	}
	sent, err := r.Send(ctx)
	if err = errors.Join(err, scratch.Close(), os.RemoveAll(dir)); err != nil && !errors.Is(err, join.ErrNoRemainder) {
		return err
	}
	if err != nil {
		bar.print("%v\n", err)
	} else {
		bar.print("%d transactions that no other region had have been sent to all\n", sent)
	}
	return db.forget(ctx)
}

// serveRelays lets other relays subscribe, and nobody do anything else.
func serveRelays(ctx context.Context, cfg *config.Config, e *engine, p relay.Publisher, log *slog.Logger) error {
	listener, err := net.Listen("tcp", cfg.Listen.MySQL)
	if err != nil {
		return fmt.Errorf("listen.mysql: %w", err)
	}
	primary, err := e.primary(cfg, p, nil, nil, log.With("part", "primary"))
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	return primary.Serve(ctx, listener)
}

var _ join.Scratch = (*relaylog.DB)(nil)
