package testenv

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/octant-db/octant/testenv/pgserver"
)

// The accounts of a bed. All of them have Bed.Password.
const (
	// DatabaseUser is the relay's account on the database.
	DatabaseUser = "octant"
	// PeerUser is the account of the other relays on a relay; its role is replicate.
	PeerUser = "peer"
	// AdminUser may do everything on a relay.
	AdminUser = "admin"
)

// Options says what bed to start. The zero value is eight regions of plain servers without relays.
type Options struct {
	// Regions is how many, 1 to 26; 0 means 8. They are named a, b, c… and numbered from 1.
	Regions int
	// Engine is the servers'; the zero value is the machine's own MariaDB.
	Engine Engine
	// Engines are the regions' instead, one after the other and again from the first.
	Engines []Engine
	// Dir holds everything and is removed by Close; empty makes one in the temporary folder.
	Dir string
	// Memory puts the bed into /dev/shm instead, if there is one and Dir is empty.
	Memory bool
	// Octant is the relays' binary, from BuildOctant. Empty starts no relays and no network.
	Octant string
	// Schema is SQL that runs on every server before the relays start.
	Schema string
	// SchemaOf gives each region's own instead. A PostgreSQL runs it in schema Database. May be nil.
	SchemaOf func(*Region) string
	// Database is the schema that PostgreSQL regions have; empty is "app".
	Database string
	// Include and Exclude choose the tables; without Include it is "app.*".
	Include, Exclude []string
	// Relaxed leaves fsync out of the databases' commits: see ServerOptions.
	Relaxed bool
	// ServerArgs come last on every server's command line.
	ServerArgs []string
	// Configure has the last word on each relay's configuration. May be nil.
	Configure func(*RelayConfig)
	// RelayEnv is added to the relays' environment.
	RelayEnv []string
	// Log hears what the bed does; nil is silence.
	Log *slog.Logger
}

// Region is one region of a bed.
type Region struct {
	Name     string
	ID       int
	Engine   Engine
	Server   *Server          // nil if it is PostgreSQL
	Postgres *pgserver.Server // nil if it is not
	Relay    *Relay           // nil in a bed without relays
}

// Site returns the region as workloads and oracles see it.
func (r *Region) Site() Site { return Site{Name: r.Name, ID: r.ID, DB: r.Server.DB()} }

// Bed is N regions on this machine. Close ends and removes it.
type Bed struct {
	Dir      string
	Regions  []*Region
	Network  *Network // nil in a bed without relays
	Password string   // of all accounts

	options Options
	log     *slog.Logger
}

// Start starts all servers at the same time, gives them accounts and schema, then starts the relays and
// waits until each is ready and connected to all others.
func Start(ctx context.Context, o Options) (*Bed, error) {
	if o.Regions == 0 {
		o.Regions = 8
	}
	if o.Regions < 1 || o.Regions > 26 {
		return nil, fmt.Errorf("start bed: %d regions: want 1 to 26", o.Regions)
	}
	if len(o.Include) == 0 {
		o.Include = []string{"app.*"}
	}
	b := &Bed{options: o, log: o.Log}
	if b.log == nil {
		b.log = slog.New(slog.DiscardHandler)
	}
	if err := b.start(ctx); err != nil {
		return nil, errors.Join(err, b.Close(context.WithoutCancel(ctx)))
	}
	return b, nil
}

func (b *Bed) start(ctx context.Context) error {
	if err := b.makeDir(); err != nil {
		return err
	}
	secret := make([]byte, 8)
	_, _ = rand.Read(secret) // never fails: see crypto/rand
	b.Password = hex.EncodeToString(secret)
	began := time.Now()
	if err := b.startServers(ctx); err != nil {
		return err
	}
	b.log.Info("databases run", "regions", len(b.Regions), "seconds", time.Since(began).Seconds())
	if err := b.prepareDatabases(ctx); err != nil {
		return err
	}
	if b.options.Octant == "" {
		return nil
	}
	return b.startRelays(ctx)
}

func (b *Bed) makeDir() error {
	if b.Dir = b.options.Dir; b.Dir != "" {
		if err := requireEmpty(b.Dir); err != nil {
			b.Dir = ""
			return err
		}
		return os.MkdirAll(b.Dir, 0o700)
	}
	parent := ""
	if info, err := os.Stat("/dev/shm"); b.options.Memory && err == nil && info.IsDir() {
		parent = "/dev/shm"
	}
	dir, err := os.MkdirTemp(parent, "octant-bed-")
	if err != nil {
		return fmt.Errorf("make bed's folder: %w", err)
	}
	b.Dir = dir
	return nil
}

func (b *Bed) startServers(ctx context.Context) error {
	for i := range b.options.Regions {
		r := &Region{Name: string(rune('a' + i)), ID: i + 1, Engine: b.options.Engine}
		if n := len(b.options.Engines); n > 0 {
			r.Engine = b.options.Engines[i%n]
		}
		b.Regions = append(b.Regions, r)
	}
	g, ctx := errgroup.WithContext(ctx)
	for _, r := range b.Regions {
		g.Go(func() error {
			if r.Engine == PostgreSQL {
				return b.startPostgres(r)
			}
			server, err := StartServer(ctx, ServerOptions{
				Engine:  r.Engine,
				Dir:     filepath.Join(b.Dir, r.Name, "db"),
				ID:      r.ID,
				Regions: b.options.Regions,
				Relaxed: b.options.Relaxed,
				Args:    b.options.ServerArgs,
			})
			r.Server = server
			return err
		})
	}
	return g.Wait()
}

func (b *Bed) prepareDatabases(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, r := range b.Regions {
		g.Go(func() error {
			schema := b.options.Schema
			if b.options.SchemaOf != nil {
				schema = b.options.SchemaOf(r)
			}
			if r.Postgres != nil {
				return r.Postgres.Prepare(ctx, b.database(), schema)
			}
			return b.prepare(ctx, r, schema)
		})
	}
	return g.Wait()
}

func (b *Bed) prepare(ctx context.Context, r *Region, schema string) error {
	account := fmt.Sprintf("'%s'@'%%'", DatabaseUser)
	text := fmt.Sprintf("CREATE USER %s IDENTIFIED BY '%s';", account, b.Password)
	for _, grant := range r.Server.Grants() {
		text += grant + account + ";"
	}
	if err := ExecAll(ctx, []Site{r.Site()}, text); err != nil {
		return fmt.Errorf("make relay accounts: %w", err)
	}
	if schema == "" {
		return nil
	}
	return ExecAll(ctx, []Site{r.Site()}, schema)
}

func (b *Bed) startPostgres(r *Region) error {
	installed := pgserver.Engines()
	if len(installed) == 0 {
		return fmt.Errorf("find PostgreSQL: %w", ErrNoEngine)
	}
	var err error
	r.Postgres, err = pgserver.Start(installed[0], b.Dir)
	return err
}

func (b *Bed) database() string {
	if b.options.Database == "" {
		return "app"
	}
	return b.options.Database
}

// Sites returns the regions for workloads and oracles, but for those of PostgreSQL.
func (b *Bed) Sites() []Site {
	var sites []Site
	for _, r := range b.Regions {
		if r.Server != nil {
			sites = append(sites, r.Site())
		}
	}
	return sites
}

// Region returns the region of that name. It panics when there is none: a misspelt name in a test.
func (b *Bed) Region(name string) *Region {
	for _, r := range b.Regions {
		if r.Name == name {
			return r
		}
	}
	panic(fmt.Sprintf("testenv: no region %q", name))
}

// Logs returns the ends of all relays' logs and what the servers complained of, for a failure's report: short, because such reports are cut.
func (b *Bed) Logs() string {
	text := ""
	for _, r := range b.Regions {
		if r.Server != nil {
			text += fmt.Sprintf("--- database of region %s\n%s\n", r.Name, complaints(r.Server.LogTail()))
		}
		if r.Postgres != nil {
			text += fmt.Sprintf("--- database of region %s\n%s\n", r.Name, r.Postgres.Tail())
		}
		if r.Relay != nil {
			text += fmt.Sprintf("--- relay of region %s\n%s\n", r.Name, lastLines(r.Relay.LogTail(), reportedLines))
		}
	}
	return text
}

// Close stops the relays in order, ends everything else at once and removes the bed's folder. Its error
// tells of relays that did not stop as they should, and of secrets that they have written into their logs.
func (b *Bed) Close(ctx context.Context) error {
	err := errors.Join(b.StopRelays(ctx), b.Network.Close())
	for _, r := range b.Regions {
		if r.Relay != nil {
			err = errors.Join(err, r.Relay.Close(), b.indiscretions(r))
		}
		if r.Server != nil {
			err = errors.Join(err, r.Server.Close())
		}
		if r.Postgres != nil {
			err = errors.Join(err, r.Postgres.Close())
		}
	}
	if b.Dir != "" {
		err = errors.Join(err, os.RemoveAll(b.Dir))
	}
	return err
}
