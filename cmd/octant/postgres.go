package main

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"strings"
	"time"

	"github.com/octant-db/octant/internal/admin"
	"github.com/octant-db/octant/internal/config"
	"github.com/octant-db/octant/internal/finding"
	"github.com/octant-db/octant/join"
	"github.com/octant-db/octant/protocol/mysql/primary"
	"github.com/octant-db/octant/protocol/postgres/apply"
	"github.com/octant-db/octant/protocol/postgres/capture"
	"github.com/octant-db/octant/protocol/postgres/compare"
	"github.com/octant-db/octant/protocol/postgres/connect"
	"github.com/octant-db/octant/protocol/postgres/logical"
	pgpreflight "github.com/octant-db/octant/protocol/postgres/preflight"
	"github.com/octant-db/octant/protocol/values"
	"github.com/octant-db/octant/relay"
	"github.com/octant-db/octant/relaylog"
)

// postgreSQL is what the functions of an engine share that speaks to PostgreSQL. What serves other relays and people is the same as
// MariaDB's.
type postgreSQL struct {
	*mySQL
}

// shownVersion is what mysql clients of a relay are told, in the form that they can read.
const shownVersion = "10.11.0-MariaDB-octant-postgresql"

// newPostgres makes the parts that speak to a PostgreSQL server.
func newPostgres(_ context.Context, cfg *config.Config, store *relaylog.DB, log *slog.Logger) (*engine, error) {
	p := &postgreSQL{mySQL: &mySQL{cfg: cfg, store: store, log: log, version: shownVersion}}
	rows := newRowForms()
	if err := p.render(rows); err != nil {
		return nil, err
	}
	return &engine{
		version: "postgresql", serverVersion: shownVersion, flavour: logical.Flavour,
		decoders: rows.decoders(cfg.Database.Tables.Match), table: rows.table, json: rows.json, places: primary.Places{Local: store.Local()}, history: noHistory{}, clients: p,
		files: p.files, replicas: p.replicas, primary: p.primary, identity: func() identity { return identity{} },
		renditions: p.shown, connect: p.connect, reports: &reports{},
	}, nil
}

// files describes the log: PostgreSQL has no files that a client could ask for, only a position.
func (p *postgreSQL) files(log relay.Log) relay.LogStatus {
	return relay.LogStatus{GTIDSet: capture.LSN(log.State().Position)}
}

// connect makes what captures from a server and writes to it.
func (p *postgreSQL) connect(ctx context.Context, d config.Database) (*database, error) {
	secured, err := postgresTLS(ctx, d)
	if err != nil {
		return nil, err
	}
	name := octantName(p.cfg)
	source, err := capture.New(capture.Config{
		Addr: d.Address, Database: d.Name, User: d.User, Password: string(d.Password), TLS: secured, Slot: name, Publication: name,
		Include: d.Tables.Match, Ruled: rules{p.cfg.Rules}.judged, Tables: patterns(d.Tables), CarryDefinitions: d.CarryDDL, InstallRemedy: pgpreflight.InstallRemedy,
		Logger: p.log.With("part", "capture"),
	})
	if err != nil {
		return nil, err
	}
	target, err := apply.New(apply.Config{
		Addr: d.Address, Database: d.Name, User: d.User, Password: string(d.Password), TLS: secured, Publication: name, Self: p.cfg.Region.ID,
		Lanes: lanes(p.cfg), LockWait: p.cfg.Apply.LockWait, Ruled: rules{p.cfg.Rules}.judged, Logger: p.log.With("part", "apply"),
	})
	if err != nil {
		return nil, err
	}
	tables := compare.Config{
		Addr: d.Address, Database: d.Name, User: d.User, Password: string(d.Password), TLS: secured, Match: d.Tables.Match,
	}
	reader, copier := compare.New(tables), compare.NewCopier(tables, join.DefaultWriters())
	return &database{
		source: source, restorer: source, ready: target.Open, target: values.NewTarget(target, logical.Flavour, rules{p.cfg.Rules}.demand), reader: reader, copier: copier, tables: reader.Described,
		locate: func(place string) (relay.LSN, error) { return capture.Locate(p.store.Local(), place) },
		close:  func() error { return errors.Join(target.Close(), reader.Close(), copier.Close()) },
		forget: func(ctx context.Context) error { return errors.Join(target.Forget(ctx), source.Release(ctx)) },
		open: func(ctx context.Context) error {
			if err := source.Unused(ctx); err != nil {
				return err
			}
			return target.Open(ctx)
		},
		prepare: func(ctx context.Context) error {
			if err := target.Open(ctx); err != nil {
				return err
			}
			return source.Begun(ctx) // before the slot stands, a canary would not come back
		},
		watch: func(ctx context.Context, report func(relay.Problem)) error {
			return watchPostgres(ctx, postgresChecks(p.cfg, d, secured), report)
		},
	}, nil
}

// patterns are those of the tables that are replicated.
func patterns(t config.Tables) []capture.TablePattern {
	var list []capture.TablePattern
	add := func(globs []string, excluded bool) {
		for _, glob := range globs {
			schema, table, _ := strings.Cut(glob, ".")
			list = append(list, capture.TablePattern{Schema: schema, Table: table, Excluded: excluded})
		}
	}
	if add(t.Include, false); len(list) == 0 {
		add([]string{"*.*"}, false)
	}
	add(t.Exclude, true)
	return list
}

// octantName is the name of the region's publication and replication slot.
func octantName(cfg *config.Config) string {
	return "octant_" + strings.ReplaceAll(cfg.Region.Name, "-", "_")
}

// watchPostgres runs the checks of octant doctor now and then and reports what fails.
func watchPostgres(ctx context.Context, c pgpreflight.Config, report func(relay.Problem)) error {
	for {
		for _, r := range pgpreflight.Check(ctx, c) {
			if r.Status == finding.Fail && ctx.Err() == nil {
				report(relay.Problem{Kind: "database_setting", Subject: r.Name, Detail: r.Detail, Remedy: r.Remedy})
			}
		}
		if err := relay.Sleep(ctx, relay.SystemClock{}, watchEvery); err != nil {
			return err
		}
	}
}

func postgresChecks(cfg *config.Config, d config.Database, secured *tls.Config) pgpreflight.Config {
	return pgpreflight.Config{
		Addr: d.Address, Database: d.Name, User: d.User, Password: string(d.Password), TLS: secured, Slot: octantName(cfg),
		Publication: octantName(cfg), Regions: len(cfg.Peers) + 1, Lanes: cfg.Apply.Lanes, Include: d.Tables.Match, Ruled: rules{cfg.Rules}.judged, Definitions: d.CarryDDL,
	}
}

// examinePostgres is octant doctor's look at the database.
func examinePostgres(ctx context.Context, cfg *config.Config) []finding.Result {
	secured, err := postgresTLS(ctx, cfg.Database)
	if err != nil {
		return []finding.Result{{Name: "connect", Status: finding.Fail, Detail: err.Error(), Remedy: "correct [database]"}}
	}
	return pgpreflight.Check(ctx, postgresChecks(cfg, cfg.Database, secured))
}

// postgresTLS is how the database is reached; nil: without TLS. With tls = preferred the server is asked.
func postgresTLS(ctx context.Context, d config.Database) (*tls.Config, error) {
	secured, err := d.TLS.Config(d.Address)
	if err != nil || d.TLS.Mode != config.TLSPreferred {
		return secured, err
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if offers, err := connect.OffersTLS(ctx, d.Address); err == nil && !offers {
		return nil, nil
	}
	return secured, nil
}

// noHistory answers for a log that has no binlog events.
type noHistory struct{}

// Events implements admin.History.
func (noHistory) Events(context.Context, string, uint64, func(admin.LogEvent) bool) error {
	return relay.ErrNotFound
}

// GTIDsAt implements admin.History.
func (noHistory) GTIDsAt(string, uint64) (string, bool, error) { return "", false, nil }

// WaitGTIDs implements admin.History.
func (noHistory) WaitGTIDs(context.Context, string) error { return admin.ErrMalformedGTIDs }

// WaitPosition implements admin.History.
func (noHistory) WaitPosition(context.Context, string, uint64) (int64, error) {
	return 0, relay.ErrNotFound
}

// Subset implements admin.History.
func (noHistory) Subset(string, string) (bool, error) { return false, admin.ErrMalformedGTIDs }

// Subtract implements admin.History.
func (noHistory) Subtract(string, string) (string, error) { return "", admin.ErrMalformedGTIDs }
