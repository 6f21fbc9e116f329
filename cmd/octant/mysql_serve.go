package main

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"time"

	"github.com/go-mysql-org/go-mysql/mysql"

	"github.com/octant-db/octant/internal/admin"
	"github.com/octant-db/octant/internal/config"
	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/protocol/mysql/history"
	"github.com/octant-db/octant/protocol/mysql/primary"
	"github.com/octant-db/octant/relay"
)

// servedCache is how much of the log is kept for replicas that read close behind each other.
const servedCache = 8 << 20

func (m *mySQL) primary(
	cfg *config.Config, publisher relay.Publisher, followed func(relay.ReplicaStatus), sql *admin.Engine, log *slog.Logger,
) (server, error) {
	secured, err := primary.TLSConfig(primary.Certificates{
		Cert: cfg.Listen.TLSCert, Key: cfg.Listen.TLSKey, ClientCA: cfg.Listen.TLSClientCA, Dir: cfg.Region.DataDir,
	})
	if err != nil {
		return nil, err
	}
	loginKey, err := primary.LoadLoginKey(cfg.Region.DataDir)
	if err != nil {
		return nil, err
	}
	s := primary.New(primary.Config{
		Users: users(cfg.Users), TLS: secured, LoginKey: loginKey, ServerID: cfg.ReplicaID(), ServerUUID: m.uuid(), ServerVersion: m.version,
		Log: m.store, Renditions: m.renditions, Publisher: publisher, SQL: answers(sql), Upstream: m.asReplicasAsk, Followed: followed,
		Logger: log, Now: time.Now,
		MaxConnections: cfg.Listen.MaxConnections, MaxMemory: cfg.Listen.MaxMemory,
		LoginTimeout: cfg.Listen.LoginTimeout, WriteTimeout: cfg.Listen.WriteTimeout, CacheBytes: servedCache,
	})
	m.server.Store(s)
	return s, nil
}

func users(list []config.User) []primary.User {
	users := make([]primary.User, len(list))
	for i, u := range list {
		users[i] = primary.User{
			Name: u.Name, Password: string(u.Password), Roles: u.Roles, Plugin: u.Auth, RequireTLS: u.RequireTLS,
			RequireCertificate: u.RequireCertificate, CertificateName: u.CertificateName, MaxConnections: u.MaxConnections,
		}
	}
	return users
}

// identity is who the database behind the relay is. Fields are 0 and "" while that is not known, or if its kind has no such thing.
type identity struct {
	serverID, domainID uint32
	uuid, version      string
}

func (m *mySQL) identity() identity {
	info := m.upstream.Load()
	switch {
	case info == nil:
		return identity{}
	case m.flavour == binlog.MySQL:
		return identity{serverID: info.ServerID, uuid: info.Server, version: info.Version}
	}
	return identity{serverID: info.ServerID, domainID: info.DomainID, version: info.Version}
}

// asReplicasAsk is what replicas ask of the database behind the relay.
func (m *mySQL) asReplicasAsk() primary.Upstream {
	info := m.upstream.Load()
	if info == nil {
		return primary.Upstream{}
	}
	is := m.identity()
	return primary.Upstream{ServerID: is.serverID, ServerUUID: is.uuid, Version: is.version, DomainID: is.domainID, GTIDMode: info.GTIDMode}
}

// answers is what answers statements; nil without an SQL engine.
func answers(sql *admin.Engine) primary.SQL {
	if sql == nil {
		return nil
	}
	return statements{sql}
}

// statements lets the SQL engine answer what the primary side is asked.
type statements struct{ engine *admin.Engine }

// Query implements primary.SQL.
func (s statements) Query(ctx context.Context, by primary.Session, query string) (*mysql.Result, error) {
	return s.engine.Query(ctx, admin.Session{
		ConnectionID: by.ConnectionID, User: by.User, Roles: by.Roles, RemoteAddr: by.RemoteAddr,
	}, query)
}

// Clients implements admin.Clients.
func (m *mySQL) Clients() []admin.Client {
	s := m.server.Load()
	if s == nil {
		return nil
	}
	var list []admin.Client
	for _, c := range s.Connections() {
		list = append(list, admin.Client{
			ID: c.ID, User: c.User, Host: c.Host, Database: c.Database, Command: c.Command, State: c.State, Since: c.Since, Info: c.Info,
		})
	}
	return list
}

// Kill implements admin.Clients.
func (m *mySQL) Kill(by admin.Session, id uint32, onlyStatement bool) error {
	return m.server.Load().Kill(primary.Session{
		ConnectionID: by.ConnectionID, User: by.User, Roles: by.Roles, RemoteAddr: by.RemoteAddr,
	}, id, onlyStatement)
}

func (m *mySQL) files(log relay.Log) relay.LogStatus {
	s, err := primary.Describe(log)
	if err != nil {
		m.log.Warn("describe the relay log", "error", err)
	}
	return s
}

func (m *mySQL) replicas() ([]relay.ReplicaStatus, uint64, uint64) {
	s := m.server.Load()
	if s == nil {
		return nil, 0, 0
	}
	transactions, bytes := s.Served()
	return s.Replicas(), transactions, bytes
}

// logHistory answers the SQL engine's questions about the log.
type logHistory struct{ history.Log }

// Events implements admin.History.
func (h logHistory) Events(ctx context.Context, file string, offset uint64, yield func(admin.LogEvent) bool) error {
	err := h.Log.Events(ctx, file, offset, func(e history.Event) bool { return yield(admin.LogEvent(e)) })
	if errors.Is(err, history.ErrNoEvent) {
		return admin.ErrNoEvent
	}
	return err
}

// WaitGTIDs implements admin.History.
func (h logHistory) WaitGTIDs(ctx context.Context, set string) error {
	return asAdmins(h.Log.WaitGTIDs(ctx, set))
}

// Subset implements admin.History.
func (h logHistory) Subset(set, of string) (bool, error) {
	within, err := h.Log.Subset(set, of)
	return within, asAdmins(err)
}

// Subtract implements admin.History.
func (h logHistory) Subtract(set, less string) (string, error) {
	rest, err := h.Log.Subtract(set, less)
	return rest, asAdmins(err)
}

func asAdmins(err error) error {
	if errors.Is(err, history.ErrMalformed) {
		return admin.ErrMalformedGTIDs
	}
	return err
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
