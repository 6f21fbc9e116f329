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

// sendRemainder sends what this region's database has committed and no other region has received, if the ledger says that the database is as its last relay left it: when a join has
// begun, it is not any more.
func sendRemainder(ctx context.Context, cfg *config.Config, n *join.Newcomer, e *engine, db *database, bar *bar, log *slog.Logger) error {
	source, able := db.source.(relay.Revisitor)
	left, err := asItWasLeft(ctx, db)
	if err != nil || !left || !able || db.forget == nil {
		return err
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
		Self: n.Self, Members: append([]join.Member{n.Donor}, n.Others...), Source: source, Log: scratch, Dialer: dialer,
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

// asItWasLeft tells whether the ledger says what the last relay of this region had applied.
func asItWasLeft(ctx context.Context, db *database) (bool, error) {
	applied, err := db.target.Applied(ctx)
	if err != nil {
		return false, fmt.Errorf("read the ledger octant.applied: %w", err)
	}
	for _, last := range applied {
		if last.Seq > 0 {
			return true, nil
		}
	}
	return false, nil
}

// serveRelays lets other relays subscribe, and nobody do anything else.
func serveRelays(ctx context.Context, cfg *config.Config, e *engine, p relay.Publisher, log *slog.Logger) error {
	listener, err := net.Listen("tcp", cfg.Listen.MySQL)
	if err != nil {
		return fmt.Errorf("listen.mysql: %w", err)
	}
	primary, err := e.primary(cfg, p, nil, log.With("part", "primary"))
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	return primary.Serve(ctx, listener)
}

var _ join.Scratch = (*relaylog.DB)(nil)
