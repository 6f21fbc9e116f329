package main

import (
	"context"
	"log/slog"
	"net"
	"sync"

	"github.com/octant-db/octant/internal/admin"
	"github.com/octant-db/octant/internal/config"
	"github.com/octant-db/octant/relay"
	"github.com/octant-db/octant/relaylog"
	"github.com/octant-db/octant/webhook"
)

// engine is what one database engine brings to a relay, whichever of its servers the relay works with. Here, and nowhere else, is it
// picked.
type engine struct {
	version string // for people
	// serverVersion is what the database's SELECT VERSION() says.
	serverVersion string
	serverUUID    string        // the relay's own, of MySQL only
	mysql         bool          // it is MySQL, not MariaDB
	flavour       relay.Flavour // of its rows
	decoders      map[relay.Flavour]relay.Decoder
	table         func(relay.Flavour, []byte) (*relay.Table, error)
	json          func(t *relay.Table, img relay.Image, keyOnly bool) string
	places        admin.Places
	history       admin.History
	files         func(relay.Log) relay.LogStatus
	replicas      func() (list []relay.ReplicaStatus, transactions, bytes uint64)
	clients       admin.Clients
	// renditions show what is not binlog events to stock replicas; nil: it is.
	renditions func(*live) admin.Renditions
	identity   func() identity // of the database, as far as it was reached
	primary    func(*config.Config, relay.Publisher, func(relay.ReplicaStatus), *admin.Engine, *slog.Logger) (server, error)
	// connect makes the parts that work with one server. They reach it when they run.
	connect func(context.Context, config.Database) (*database, error)
	reports *reports
	hooks   *webhook.Sender
}

func (e *engine) report(p relay.Problem) { e.reports.report(p) }

// database is what works with one server.
type database struct {
	source relay.Source
	target relay.Target      // nil: nothing is written to this kind of server
	reader relay.TableReader // nil: its tables cannot be compared
	// restorer gives back what the server has lost; nil: nobody can.
	restorer relay.Restorer
	ready    func(context.Context) error // makes the target ready for that
	// tables describes the tables as the log does; nil: where nobody asks.
	tables func(context.Context) ([]*relay.Table, error)
	open   func(context.Context) error // makes the target ready where nothing is captured
	copier relay.TableCopier           // nil: regions of this kind cannot join, nor be joined from
	// forget has the server let go of an earlier life of a region that joins again: its ledger, and where its log was read.
	forget func(context.Context) error
	// locate finds the first entry that a copy of the server's tables may lack; see join.Donor.
	locate  func(place string) (relay.LSN, error)
	prepare func(context.Context) error
	// watch looks at the database's settings and reports what is not as it must be, until ctx ends.
	watch func(ctx context.Context, report func(relay.Problem)) error
	close func() error
}

// server is a primary side.
type server interface {
	Serve(context.Context, net.Listener) error
}

// engines by the scheme of the database's URL. A server behind mysql:// says itself which of the two it is.
var engines = map[relay.Flavour]func(context.Context, *config.Config, *relaylog.DB, *slog.Logger) (*engine, error){
	"mariadb": newMySQL, "mysql": newMySQL, config.Postgres: newPostgres,
}

// reports passes problems on to the relay, which is made after the parts that report to it.
type reports struct {
	mu   sync.Mutex
	sink func(relay.Problem)
	kept []relay.Problem
}

func (r *reports) report(p relay.Problem) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.sink == nil {
		r.kept = append(r.kept, p)
		return
	}
	r.sink(p)
}

func (r *reports) to(sink func(relay.Problem)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sink = sink
	for _, p := range r.kept {
		sink(p)
	}
	r.kept = nil
}
