package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/go-mysql-org/go-mysql/mysql"

	"github.com/octant-db/octant/internal/admin"
	"github.com/octant-db/octant/internal/config"
	"github.com/octant-db/octant/protocol/mysql/apply"
	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/protocol/mysql/capture"
	"github.com/octant-db/octant/protocol/mysql/preflight"
	"github.com/octant-db/octant/protocol/mysql/primary"
	"github.com/octant-db/octant/relay"
	"github.com/octant-db/octant/relaylog"
)

// newMariaDB makes the parts that speak to a MariaDB server.
func newMariaDB(ctx context.Context, cfg *config.Config, store *relaylog.DB, log *slog.Logger) (*engine, error) {
	m := &mariaDB{cfg: cfg, store: store, log: log}
	version, err := m.serverVersion(ctx)
	if err != nil {
		return nil, err
	}
	m.version = version
	tables := binlog.NewTableCache()
	decoder, match := binlog.NewDecoder(tables), cfg.Database.Tables.Match
	decoder.Exclude = func(schema, table string) bool { return !match(schema, table) }
	return &engine{
		version: "mariadb " + version, serverVersion: version,
		decoders: map[relay.Flavour]relay.Decoder{binlog.Flavour: decoder},
		table: func(f relay.Flavour, native []byte) (*relay.Table, error) {
			return parseTable(tables, f, native)
		},
		json: rowJSON, places: primary.Places{Local: store.Local()}, files: m.files, replicas: m.replicas, primary: m.primary,
		connect: m.connect, reports: &reports{},
	}, nil
}

// mariaDB is what the engine's functions share.
type mariaDB struct {
	cfg     *config.Config
	store   *relaylog.DB
	version string
	log     *slog.Logger
	server  atomic.Pointer[primary.Server]
}

// connect makes what captures from a server and writes to it.
func (m *mariaDB) connect(ctx context.Context, d config.Database) (*database, error) {
	secured, err := databaseTLS(ctx, d, m.store, m.log)
	if err != nil {
		return nil, err
	}
	source := m.source(d, secured)
	target, err := apply.New(apply.Config{
		Addr: d.Address, User: d.User, Password: string(d.Password), TLS: secured, Self: m.cfg.Region.ID,
		Lanes: lanes(m.cfg), LockWait: m.cfg.Apply.LockWait, Logger: m.log.With("part", "apply"),
	})
	if err != nil {
		return nil, err
	}
	return &database{
		source: source, target: target, prepare: target.Open, close: target.Close,
		watch: func(ctx context.Context, report func(relay.Problem)) error {
			return watchSettings(ctx, m.cfg, d, secured, report)
		},
	}, nil
}

func (m *mariaDB) source(d config.Database, secured *tls.Config) *capture.Source {
	return capture.New(capture.Config{
		Addr: d.Address, User: d.User, Password: string(d.Password), TLS: secured, ServerID: m.cfg.ReplicaID(),
		SemiSync: d.SemiSync, Include: d.Tables.Match, Logger: m.log.With("part", "capture"),
	})
}

// versionKey is where the server's version is remembered, so that a relay can start while its database is away.
var versionKey = []byte("e")

// serverVersion asks the server, or remembers what it said.
func (m *mariaDB) serverVersion(ctx context.Context) (string, error) {
	d := m.cfg.Database
	for pause := 100 * time.Millisecond; ; pause = min(2*pause, 5*time.Second) {
		secured, err := databaseTLS(ctx, d, m.store, m.log)
		if err != nil {
			return "", err
		}
		info, err := m.source(d, secured).ServerInfo(ctx)
		if err == nil {
			return info.Version, m.store.Write(ctx, []relay.Pair{{Key: versionKey, Value: []byte(info.Version)}})
		}
		if known, getErr := m.store.Get(versionKey); getErr == nil {
			return string(known), nil
		}
		m.log.Error("the database cannot be reached; trying again", "error", err)
		if err := relay.Sleep(ctx, relay.SystemClock{}, pause); err != nil {
			return "", err
		}
	}
}

// lanes is how many connections the applier may use: its own, and some for each peer.
func lanes(cfg *config.Config) int {
	perOrigin := cfg.Apply.Lanes
	return 2 + perOrigin*relay.MaxRegions
}

func parseTable(tables *binlog.TableCache, f relay.Flavour, native []byte) (*relay.Table, error) {
	if f != binlog.Flavour {
		return nil, fmt.Errorf("describe a table: unknown flavour %q", f)
	}
	s, err := tables.Get(native)
	if err != nil {
		return nil, err
	}
	return s.Table, nil
}

// rowJSON shows a row, or its primary key, as a JSON object.
func rowJSON(t *relay.Table, img relay.Image, keyOnly bool) string {
	values, err := t.Decode(img)
	if err != nil {
		return ""
	}
	columns := make([]int, 0, len(t.Columns))
	for i := range t.Columns {
		columns = append(columns, i)
	}
	if keyOnly {
		columns = columns[:0]
		for _, part := range t.Key {
			columns = append(columns, part.Column)
		}
	}
	b := []byte{'{'}
	for n, i := range columns {
		if n > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendQuote(b, t.Columns[i].Name)
		b = binlog.AppendJSON(append(b, ':'), t.Columns[i], values[i])
	}
	return string(append(b, '}'))
}

func (m *mariaDB) files(log relay.Log) relay.LogStatus {
	s, err := primary.Describe(log)
	if err != nil {
		m.log.Warn("describe the relay log", "error", err)
	}
	return s
}

func (m *mariaDB) replicas() ([]relay.ReplicaStatus, uint64, uint64) {
	s := m.server.Load()
	if s == nil {
		return nil, 0, 0
	}
	transactions, bytes := s.Served()
	return s.Replicas(), transactions, bytes
}

func (m *mariaDB) primary(
	cfg *config.Config, publisher relay.Publisher, sql *admin.Engine, log *slog.Logger,
) (server, error) {
	s := primary.New(primary.Config{
		Users: users(cfg.Users), ServerID: cfg.ReplicaID(), ServerVersion: m.version, Log: m.store, Publisher: publisher,
		SQL: statements{sql}, Logger: log, Now: time.Now,
	})
	m.server.Store(s)
	return s, nil
}

func users(list []config.User) []primary.User {
	users := make([]primary.User, len(list))
	for i, u := range list {
		users[i] = primary.User{Name: u.Name, Password: string(u.Password), Roles: u.Roles}
	}
	return users
}

// statements lets the SQL engine answer what the primary side is asked.
type statements struct{ engine *admin.Engine }

// Query implements primary.SQL.
func (s statements) Query(ctx context.Context, by primary.Session, query string) (*mysql.Result, error) {
	return s.engine.Query(ctx, admin.Session{
		ConnectionID: by.ConnectionID, User: by.User, Roles: by.Roles, RemoteAddr: by.RemoteAddr,
	}, query)
}

// watchEvery is how often the database's settings are looked at.
const watchEvery = time.Minute

// watchSettings runs the checks of octant doctor now and then, and reports what fails.
func watchSettings(ctx context.Context, cfg *config.Config, d config.Database, secured *tls.Config, report func(relay.Problem)) error {
	for {
		for _, r := range preflight.Check(ctx, checks(cfg, d, secured)) {
			if r.Status == preflight.Fail && ctx.Err() == nil {
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
		Regions: len(cfg.Peers) + 1, ReplicaID: cfg.ReplicaID(), Include: d.Tables.Include, Match: d.Tables.Match,
	}
}
