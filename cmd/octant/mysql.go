package main

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/octant-db/octant/internal/config"
	"github.com/octant-db/octant/internal/finding"
	"github.com/octant-db/octant/join"
	"github.com/octant-db/octant/protocol/mysql/apply"
	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/protocol/mysql/capture"
	"github.com/octant-db/octant/protocol/mysql/compare"
	"github.com/octant-db/octant/protocol/mysql/history"
	"github.com/octant-db/octant/protocol/mysql/preflight"
	"github.com/octant-db/octant/protocol/mysql/primary"
	"github.com/octant-db/octant/protocol/mysql/rendition"
	"github.com/octant-db/octant/protocol/values"
	"github.com/octant-db/octant/relay"
	"github.com/octant-db/octant/relaylog"
)

// mySQL is what the functions of an engine share that speaks to MariaDB or MySQL.
type mySQL struct {
	cfg     *config.Config
	store   *relaylog.DB
	version string
	flavour relay.Flavour // binlog.Flavour or binlog.MySQL
	log     *slog.Logger

	renditions []*rendition.Log // of a log without binlog events

	server   atomic.Pointer[primary.Server]
	upstream atomic.Pointer[capture.ServerInfo] // what the database last said of itself
}

// newMySQL makes the parts that speak to a MariaDB or a MySQL server.
func newMySQL(ctx context.Context, cfg *config.Config, store *relaylog.DB, log *slog.Logger) (*engine, error) {
	m := &mySQL{cfg: cfg, store: store, log: log}
	g, err := awaitGreeting(ctx, cfg.Database.Address, store, log)
	if err != nil {
		return nil, err
	}
	m.version, m.flavour = g.Version, flavourOf(g.Version)
	if err := m.check(); err != nil {
		return nil, err
	}
	rows := newRowForms()
	return &engine{
		version: m.name() + " " + m.version, serverVersion: m.version, mysql: m.flavour == binlog.MySQL, serverUUID: m.uuid(),
		flavour: m.flavour, decoders: rows.decoders(cfg.Database.Tables.Match), table: rows.table, json: rows.json,
		places: primary.Places{Local: store.Local()}, history: logHistory{history.Log{Log: store}}, clients: m,
		files: m.files, replicas: m.replicas, primary: m.primary, identity: m.identity, connect: m.connect, reports: &reports{},
	}, nil
}

// flavourOf tells the two kinds of servers apart by what they say of themselves.
func flavourOf(version string) relay.Flavour {
	if strings.Contains(version, "MariaDB") {
		return binlog.Flavour
	}
	return binlog.MySQL
}

// check refuses a URL that names the other server.
func (m *mySQL) check() error {
	if m.flavour == binlog.MySQL && m.cfg.Database.Flavour == "mariadb" {
		return fmt.Errorf("the database at %s is MySQL %s: write mysql:// in database.url", m.cfg.Database.Address, m.version)
	}
	return nil
}

func (m *mySQL) name() string {
	if m.flavour == binlog.MySQL {
		return "mysql"
	}
	return "mariadb"
}

// uuid is the relay's own server_uuid, which is as stable as its log.
func (m *mySQL) uuid() string {
	b := sha256.Sum256([]byte("server_uuid of relay log " + m.store.StoreID()))
	b[6], b[8] = b[6]&0x0f|0x80, b[8]&0x3f|0x80 // version 8 of RFC 9562: made as one likes
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:16])
}

// connect makes what captures from a server and writes to it.
func (m *mySQL) connect(ctx context.Context, d config.Database) (*database, error) {
	secured, err := databaseTLS(ctx, d, m.store)
	if err != nil {
		return nil, err
	}
	m.upstream.Store(nil) // what was said of itself by the server before
	source := m.source(d, secured)
	db := &database{source: source, restorer: source.Restorer(), close: func() error { return nil }}
	db.watch = func(ctx context.Context, report func(relay.Problem)) error {
		return m.watch(ctx, source, checks(m.cfg, d, secured), report)
	}
	target, err := apply.New(apply.Config{
		Flavour: m.flavour, Addr: d.Address, User: d.User, Password: string(d.Password), TLS: secured, Self: m.cfg.Region.ID,
		Lanes: lanes(m.cfg), LockWait: m.cfg.Apply.LockWait, Composed: rules{m.cfg.Rules}.composed, Ruled: rules{m.cfg.Rules}.judged, Logger: m.log.With("part", "apply"),
	})
	if err != nil {
		return nil, err
	}
	tables := compare.Config{
		Addr: d.Address, User: d.User, Password: string(d.Password), TLS: secured, Match: d.Tables.Match, Local: target.Local,
	}
	reader, copier := compare.New(tables), compare.NewCopier(tables, join.DefaultWriters())
	db.target, db.reader, db.copier, db.open = values.NewTarget(target, m.flavour, rules{m.cfg.Rules}.demand), reader, copier, target.Open
	db.ready, db.forget = target.Open, target.Forget
	db.locate = func(place string) (relay.LSN, error) { return primary.Locate(m.store.Local(), place) }
	db.prepare = func(ctx context.Context) error {
		if err := target.Open(ctx); err != nil {
			return err
		}
		return source.Begun(ctx) // until then a canary would be taken for history
	}
	db.close = func() error { return errors.Join(target.Close(), reader.Close(), copier.Close()) }
	return db, nil
}

func (m *mySQL) source(d config.Database, secured *tls.Config) *capture.Source {
	return capture.New(capture.Config{
		Flavour: m.flavour, Addr: d.Address, User: d.User, Password: string(d.Password), TLS: secured, ServerID: m.cfg.ReplicaID(),
		SemiSync: d.SemiSync, CarryDefinitions: d.CarryDDL, Include: d.Tables.Match, Logger: m.log.With("part", "capture"),
	})
}

// lanes is how many connections the applier may use: its own, and some for each peer.
func lanes(cfg *config.Config) int {
	perOrigin := cfg.Apply.Lanes
	return 2 + perOrigin*relay.MaxRegions
}

// watchEvery is how often the database's settings are looked at.
const watchEvery = time.Minute

// watch asks the database now and then who it is, runs the checks of octant doctor and reports what fails.
func (m *mySQL) watch(ctx context.Context, source *capture.Source, c preflight.Config, report func(relay.Problem)) error {
	for {
		if info, err := source.ServerInfo(ctx); err == nil {
			m.upstream.Store(&info)
		}
		for _, r := range preflight.Check(ctx, c) {
			if r.Status == finding.Fail && ctx.Err() == nil {
				report(relay.Problem{Kind: "database_setting", Subject: r.Name, Detail: r.Detail, Remedy: r.Remedy})
			}
		}
		if err := relay.Sleep(ctx, relay.SystemClock{}, watchEvery); err != nil {
			return err
		}
	}
}

// checks is what the checks of a server need to know.
func checks(cfg *config.Config, d config.Database, secured *tls.Config) preflight.Config {
	return preflight.Config{
		Address: d.Address, User: d.User, Password: string(d.Password), TLS: secured, Region: cfg.Region.ID,
		Regions: len(cfg.Peers) + 1, ReplicaID: cfg.ReplicaID(), Include: d.Tables.Include, Match: d.Tables.Match, Definitions: d.CarryDDL,
		Ruled: func(schema, table string) bool { return cfg.Rules.Of(schema, table).Policy != config.PolicyLWW },
	}
}
