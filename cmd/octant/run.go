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
	"github.com/octant-db/octant/internal/watermark"
	"github.com/octant-db/octant/internal/web"
	"github.com/octant-db/octant/join"
	"github.com/octant-db/octant/relay"
	"github.com/octant-db/octant/relaylog"
	"github.com/octant-db/octant/verify"
)

// run is one relay in the foreground.
func run(ctx context.Context, args []string) error {
	flags := newFlags("run")
	cfg, err := parseWithConfig(flags, args)
	if err != nil {
		return err
	}
	path := flags.Lookup("config").Value.String()
	log := newLogger(os.Stderr, cfg.Log).With("region", cfg.Region.Name)
	slog.SetDefault(log) // for libraries that know no other
	defer keepRoom(ctx)()
	log.Info("octant starts", "version", versionText(debug.ReadBuildInfo()), "config", cfg)
	if cfg.Database.Override != "" {
		log.Warn("the database is the one of CHANGE MASTER TO, not the configuration's", "database", cfg.Database.Address,
			"configured", cfg.Configured.Address, "file", cfg.Database.Override)
	}
	err = runRelay(ctx, cfg, path, log)
	if err == nil || errors.Is(err, errStopped) || errors.Is(err, context.Canceled) {
		log.Info("octant has stopped")
		return nil
	}
	return err
}

func runRelay(ctx context.Context, cfg *config.Config, path string, log *slog.Logger) (err error) {
	var syncs atomic.Uint64
	store, err := openLog(cfg, &syncs, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	if err := errors.Join(refuseUnfinished(store), refuseUnrecovered(store)); err != nil {
		return err
	}
	listeners, err := listen(cfg.Listen)
	if err != nil {
		return err
	}
	defer listeners.close()
	engine, err := engines[cfg.Database.Flavour](ctx, cfg, store, log)
	if err != nil {
		return err
	}
	if engine.hooks, err = newWebhooks(cfg, store, log); err != nil {
		return err
	}
	l, err := newLive(ctx, &live{cfg: cfg, log: log, hooks: engine.hooks, promise: store.Promise, build: func(ctx context.Context, d config.Database, peers []config.Peer) (*generation, error) {
		return assemble(ctx, cfg.WithPeers(peers), d, store, &syncs, engine, log)
	}})
	if err != nil {
		return err
	}
	schedule, err := newSchedule(cfg, l, store, engine.hooks, log.With("part", "verify"))
	if err != nil {
		return err
	}
	group := &regrouping{live: l, path: path, log: log.With("part", "peers")}
	return serve(ctx, cfg, l, engine, schedule, group, listeners, log)
}

// openLog opens the relay log in the data directory.
func openLog(cfg *config.Config, syncs *atomic.Uint64, log *slog.Logger) (*relaylog.DB, error) {
	return openLogIn(filepath.Join(cfg.Region.DataDir, "log"), cfg, syncs, log)
}

// openLogIn opens a log of this region in a directory.
func openLogIn(dir string, cfg *config.Config, syncs *atomic.Uint64, log *slog.Logger) (*relaylog.DB, error) {
	if err := os.MkdirAll(cfg.Region.DataDir, 0o700); err != nil {
		return nil, fmt.Errorf("make the data directory: %w", err)
	}
	return relaylog.Open(dir, relaylog.Options{
		Identity: fmt.Sprintf("cluster %s, region %s, id %d", cfg.Region.Cluster, cfg.Region.Name, cfg.Region.ID),
		Key:      []byte(cfg.Region.LogKey),
		MinFree:  cfg.Retention.MinFree,
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

// assemble puts a relay for one server together from its parts.
func assemble(
	ctx context.Context, cfg *config.Config, d config.Database, store *relaylog.DB, syncs *atomic.Uint64, e *engine, log *slog.Logger,
) (*generation, error) {
	peers := make([]relay.Peer, len(cfg.Peers))
	for i, p := range cfg.Peers {
		peers[i] = p.Relay()
	}
	met, err := relay.Met(store, peers)
	if err != nil {
		return nil, err
	}
	dialer, err := peerDialer(cfg)
	if err != nil {
		return nil, err
	}
	db, err := e.connect(ctx, d)
	if err != nil {
		return nil, err
	}
	a, err := newApplier(cfg, store, e, db, met, log)
	if err != nil {
		return nil, errors.Join(err, db.close())
	}
	r, err := relay.New(relay.Config{
		Cluster: cfg.Region.Cluster, Name: cfg.Region.Name, Region: cfg.Region.ID, Store: store.StoreID(),
		Engine: e.version, Address: whereabouts(d), Peers: peers,
		Source: db.source, Log: store, Facts: store, Applier: a, Dialer: dialer,
		Rules: cfg.Rules.Text(), Flavour: e.flavour, Clock: relay.SystemClock{}, Logger: log,
		Trim:          trimmer(cfg.Retention, store),
		Syncs:         syncs.Load,
		Short:         shortages(cfg.Pressure, store),
		Files:         func() relay.LogStatus { return e.files(store) },
		Replicas:      e.replicas,
		ReplicaMemory: cfg.Retention.Replicas,
		DriftWarn:     cfg.Clock.Warn, DriftStop: cfg.Clock.Stop, Notify: e.hooks.Notify,
	})
	if err != nil {
		return nil, errors.Join(err, db.close())
	}
	e.reports.to(r.Report)
	g := &generation{Relay: r, database: db, ended: make(chan struct{})}
	if db.reader != nil {
		g.side = &verify.Local{
			Reader: db.reader, Relay: r, Log: verify.LocalLog{Log: store, Decoders: e.decoders}, Self: cfg.Region.ID, Clock: relay.SystemClock{},
		}
	}
	if giver, able := a.(join.Applier); able && db.copier != nil {
		g.donor = &join.Donor{TableCopier: db.copier, Relay: r, Applier: giver, Log: store, Dir: cfg.Region.DataDir, Locate: db.locate}
	}
	g.ctx, g.stop = context.WithCancelCause(context.WithoutCancel(ctx))
	return g, nil
}

func newApplier(
	cfg *config.Config, store *relaylog.DB, e *engine, db *database, met []relay.Hello, log *slog.Logger,
) (relay.Applier, error) {
	if db.target == nil {
		return reader{store.Local()}, nil
	}
	return applier.New(applier.Config{
		Self: cfg.Region.ID, Name: cfg.Region.Name, Flavour: e.flavour, Rules: rules{cfg.Rules}, KeepConflicts: cfg.Retention.Age, Regions: len(cfg.Peers), Log: store, Store: store,
		Target: db.target, Prepare: db.prepare, Decoders: e.decoders, Table: e.table, JSON: e.json,
		Include: cfg.Database.Tables.Match, Define: cfg.Database.CarryDDL, Report: e.report, Notify: e.hooks.Notify, Told: e.hooks.Flush, Clock: relay.SystemClock{},
		Logger: log.With("part", "applier"), Lanes: cfg.Apply.Lanes,
	}, met)
}

// whereabouts is where the database is, for people, and that it is not the configured one.
func whereabouts(d config.Database) string {
	if d.Override == "" {
		return d.Address
	}
	return d.Address + " (" + config.SourceFile + ")"
}

func trimmer(keep config.Retention, store *relaylog.DB) func(func() (relay.LSN, map[relay.Region]relay.Seq)) error {
	policy := relaylog.Policy{MaxBytes: keep.Bytes, MaxAge: keep.Age}
	return func(needs func() (relay.LSN, map[relay.Region]relay.Seq)) error {
		return store.Retain(policy, needs, time.Now())
	}
}

// shortages looks at the watermarks of disk and memory that are set.
func shortages(p config.Pressure, store *relaylog.DB) func() []relay.Shortage {
	var marks []*watermark.Mark
	if p.Free > 0 {
		marks = append(marks, watermark.Disk(p.Free, store.Free))
	}
	if p.Memory > 0 {
		marks = append(marks, watermark.Memory(p.Memory, watermark.Process))
	}
	return func() []relay.Shortage { return watermark.Short(marks...) }
}

// serve runs the relay and what it offers to others until ctx ends or one of them fails.
func serve(ctx context.Context, cfg *config.Config, l *live, e *engine, schedule *verify.Schedule, group *regrouping, s sockets, log *slog.Logger) error {
	var renditions admin.Renditions
	if e.renditions != nil {
		renditions = e.renditions(l)
	}
	sql := admin.New(admin.Config{
		Inspector: l, Controller: l, Places: e.places, History: e.history, Upstream: upstream{l, e.identity}, Clients: e.clients,
		Comparison: func() relay.Comparison { return l.now().side }, Donor: l.donor, Renditions: renditions, Verifications: schedule.Verifications, Membership: group,
		Version: e.serverVersion, MySQL: e.mysql, ServerID: cfg.ReplicaID(), ServerUUID: e.serverUUID, Listen: cfg.Listen.MySQL, Logger: log.With("part", "sql"),
	})
	primary, err := e.primary(cfg, l, l.Followed, sql, log.With("part", "primary"))
	if err != nil {
		return errors.Join(err, l.now().database.close())
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return l.run(ctx) })
	g.Go(func() error { return runSchedule(ctx, schedule) })
	g.Go(func() error { return runWebhooks(ctx, e.hooks, log.With("part", "webhook")) })
	g.Go(func() error { return group.run(ctx) })
	g.Go(func() error { return primary.Serve(ctx, s.mysql) })
	shown := inspector{l, schedule}
	pages := newConsole(cfg, shown, log.With("part", "console"))
	g.Go(func() error { return pages.Run(ctx) })
	site := web.New(shown, web.WithVersion(version()), web.WithLogger(log.With("part", "http")), web.WithPages(pages))
	g.Go(func() error { return site.Serve(ctx, s.http) })
	return g.Wait()
}
