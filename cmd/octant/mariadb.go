package main

import (
	"context"
	"errors"
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
	d := cfg.Database
	source := capture.New(capture.Config{
		Addr: d.Address, User: d.User, Password: string(d.Password), ServerID: cfg.ReplicaID(),
		Include: d.Tables.Match, Logger: log.With("part", "capture"),
	})
	target, err := apply.New(apply.Config{
		Addr: d.Address, User: d.User, Password: string(d.Password), Self: cfg.Region.ID,
		Lanes: lanes(cfg), LockWait: cfg.Apply.LockWait, Logger: log.With("part", "apply"),
	})
	if err != nil {
		return nil, err
	}
	version, err := serverVersion(ctx, source, store, log)
	if err != nil {
		return nil, err
	}
	tables := binlog.NewTableCache()
	decoder := binlog.NewDecoder(tables)
	decoder.Exclude = func(schema, table string) bool { return !d.Tables.Match(schema, table) }
	m := &mariaDB{cfg: cfg, store: store, version: version, log: log}
	return &engine{
		version: "mariadb " + version, serverVersion: version, source: source, target: target, prepare: target.Open,
		decoders: map[relay.Flavour]relay.Decoder{binlog.Flavour: decoder},
		table: func(f relay.Flavour, native []byte) (*relay.Table, error) {
			return parseTable(tables, f, native)
		},
		json: rowJSON, places: primary.Places{Local: store.Local()}, files: m.files, replicas: m.replicas, primary: m.primary, watch: m.watch,
		close: target.Close, reports: &reports{},
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

// versionKey is where the server's version is remembered, so that a relay can start while its database is away.
var versionKey = []byte("e")

// serverVersion asks the server, or remembers what it said.
func serverVersion(ctx context.Context, source *capture.Source, store *relaylog.DB, log *slog.Logger) (string, error) {
	for pause := 100 * time.Millisecond; ; pause = min(2*pause, 5*time.Second) {
		info, err := source.ServerInfo(ctx)
		if err == nil {
			return info.Version, store.Write(ctx, []relay.Pair{{Key: versionKey, Value: []byte(info.Version)}})
		}
		if known, getErr := store.Get(versionKey); getErr == nil {
			return string(known), nil
		}
		log.Error("the database cannot be reached; trying again", "error", err)
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
	users := make([]primary.User, len(cfg.Users))
	for i, u := range cfg.Users {
		users[i] = primary.User{Name: u.Name, Password: string(u.Password), Roles: u.Roles}
	}
	s := primary.New(primary.Config{
		Users: users, ServerID: cfg.ReplicaID(), ServerVersion: m.version, Log: m.store, Publisher: publisher,
		SQL: statements{sql}, Logger: log, Now: time.Now,
	})
	m.server.Store(s)
	return s, nil
}

// statements lets the SQL engine answer what the primary side is asked.
type statements struct{ engine *admin.Engine }

// Query implements primary.SQL.
func (s statements) Query(ctx context.Context, by primary.Session, query string) (*mysql.Result, error) {
	return s.engine.Query(ctx, admin.Session(by), query)
}

// watchEvery is how often the database's settings are looked at.
const watchEvery = time.Minute

// watch runs the checks of octant doctor now and then, and reports what fails.
func (m *mariaDB) watch(ctx context.Context, report func(relay.Problem)) error {
	for {
		for _, r := range m.check(ctx) {
			if r.Status == preflight.Fail && ctx.Err() == nil {
				report(relay.Problem{Kind: "database_setting", Subject: r.Name, Detail: r.Detail, Remedy: r.Remedy})
			}
		}
		if err := relay.Sleep(ctx, relay.SystemClock{}, watchEvery); err != nil {
			return errors.Join(err)
		}
	}
}

func (m *mariaDB) check(ctx context.Context) []preflight.Result {
	d := m.cfg.Database
	return preflight.Check(ctx, preflight.Config{
		Address: d.Address, User: d.User, Password: string(d.Password), Region: m.cfg.Region.ID,
		Regions: len(m.cfg.Peers) + 1, ReplicaID: m.cfg.ReplicaID(), Include: d.Tables.Include, Match: d.Tables.Match,
	})
}
