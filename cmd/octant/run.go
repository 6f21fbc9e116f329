package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/octant-db/octant/applier"
	"github.com/octant-db/octant/internal/admin"
	"github.com/octant-db/octant/internal/config"
	"github.com/octant-db/octant/internal/web"
	"github.com/octant-db/octant/protocol/mysql/feed"
	"github.com/octant-db/octant/relay"
	"github.com/octant-db/octant/relaylog"
)

// run is one relay in the foreground.
func run(ctx context.Context, args []string) error {
	cfg, err := parseWithConfig(newFlags("run"), args)
	if err != nil {
		return err
	}
	log := newLogger(os.Stderr, cfg.Log).With("region", cfg.Region.Name)
	slog.SetDefault(log) // for libraries that know no other
	limitMemory()
	log.Info("octant starts", "version", versionText(debug.ReadBuildInfo()), "config", cfg)
	err = runRelay(ctx, cfg, log)
	if err == nil || errors.Is(err, errStopped) || errors.Is(err, context.Canceled) {
		log.Info("octant has stopped")
		return nil
	}
	return err
}

// memoryTarget is how much the garbage collector lets the relay use before it works harder. It is no limit: what is needed is given.
const memoryTarget = 256 << 20

// limitMemory keeps bursts from leaving a large process behind, unless GOMEMLIMIT says something else.
func limitMemory() {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryTarget)
	}
}

func runRelay(ctx context.Context, cfg *config.Config, log *slog.Logger) (err error) {
	var syncs atomic.Uint64
	store, err := openLog(cfg, &syncs, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	listeners, err := listen(cfg.Listen)
	if err != nil {
		return err
	}
	defer listeners.close()
	engine, err := engines[cfg.Database.Flavour](ctx, cfg, store, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, engine.close()) }()
	r, err := assemble(cfg, store, &syncs, engine, log)
	if err != nil {
		return err
	}
	return serve(ctx, cfg, r, engine, listeners, log)
}

// openLog opens the relay log in the data directory.
func openLog(cfg *config.Config, syncs *atomic.Uint64, log *slog.Logger) (*relaylog.DB, error) {
	if err := os.MkdirAll(cfg.Region.DataDir, 0o700); err != nil {
		return nil, fmt.Errorf("make the data directory: %w", err)
	}
	return relaylog.Open(filepath.Join(cfg.Region.DataDir, "log"), relaylog.Options{
		Identity: fmt.Sprintf("cluster %s, region %s, id %d", cfg.Region.Cluster, cfg.Region.Name, cfg.Region.ID),
		Logger:   log.With("part", "log"),
		Events:   relaylog.Events{Synced: func(relaylog.Group) { syncs.Add(1) }},
	})
}

// sockets are the two addresses that a relay serves.
type sockets struct{ mysql, http net.Listener }

func listen(l config.Listen) (s sockets, err error) {
	if s.mysql, err = net.Listen("tcp", l.MySQL); err != nil {
		return s, fmt.Errorf("listen.mysql: %w", err)
	}
	if s.http, err = net.Listen("tcp", l.HTTP); err != nil {
		s.mysql.Close()
		return s, fmt.Errorf("listen.http: %w", err)
	}
	return s, nil
}

func (s sockets) close() {
	s.mysql.Close()
	s.http.Close()
}

// assemble puts the relay together from its parts.
func assemble(
	cfg *config.Config, store *relaylog.DB, syncs *atomic.Uint64, e *engine, log *slog.Logger,
) (*relay.Relay, error) {
	peers := make([]relay.Peer, len(cfg.Peers))
	for i, p := range cfg.Peers {
		peers[i] = p.Relay()
	}
	met, err := relay.Met(store, peers)
	if err != nil {
		return nil, err
	}
	a, err := applier.New(applier.Config{
		Self: cfg.Region.ID, Regions: len(peers), Log: store, Store: store,
		Target: e.target, Prepare: e.prepare, Decoders: e.decoders, Table: e.table, JSON: e.json,
		Include: cfg.Database.Tables.Match, Report: e.report, Clock: relay.SystemClock{},
		Logger: log.With("part", "applier"), Lanes: cfg.Apply.Lanes,
	}, met)
	if err != nil {
		return nil, err
	}
	r, err := relay.New(relay.Config{
		Cluster: cfg.Region.Cluster, Name: cfg.Region.Name, Region: cfg.Region.ID, Store: store.StoreID(),
		Engine: e.version, Address: cfg.Database.Address, Peers: peers,
		Source: e.source, Log: store, Facts: store, Applier: a, Dialer: &feed.Dialer{},
		Clock: relay.SystemClock{}, Logger: log,
		Trim:      trimmer(cfg.Retention, store),
		Syncs:     syncs.Load,
		Files:     func() relay.LogStatus { return e.files(store) },
		Replicas:  e.replicas,
		DriftWarn: cfg.Clock.Warn, DriftStop: cfg.Clock.Stop,
	})
	if err != nil {
		return nil, err
	}
	e.reports.to(r.Report)
	return r, nil
}

func trimmer(keep config.Retention, store *relaylog.DB) func(func() (relay.LSN, map[relay.Region]relay.Seq)) error {
	policy := relaylog.Policy{MaxBytes: keep.Bytes, MaxAge: keep.Age}
	return func(needs func() (relay.LSN, map[relay.Region]relay.Seq)) error {
		return store.Retain(policy, needs, time.Now())
	}
}

// serve runs the relay and what it offers to others until ctx ends or one of them fails.
func serve(ctx context.Context, cfg *config.Config, r *relay.Relay, e *engine, s sockets, log *slog.Logger) error {
	sql := admin.New(admin.Config{
		Inspector: r, Controller: r, Places: e.places, Version: e.serverVersion, Logger: log.With("part", "sql"),
	})
	primary, err := e.primary(cfg, r, sql, log.With("part", "primary"))
	if err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return r.Run(ctx) })
	g.Go(func() error { return primary.Serve(ctx, s.mysql) })
	site := web.New(r, web.WithVersion(version()), web.WithLogger(log.With("part", "http")))
	g.Go(func() error { return site.Serve(ctx, s.http) })
	g.Go(func() error { return e.watch(ctx, r.Report) })
	return g.Wait()
}
