package console

import (
	"context"
	"embed"
	"log/slog"
	"net/http"
	"time"

	"github.com/octant-db/octant/internal/throttle"
	"github.com/octant-db/octant/relay"
)

// sampleEvery is how often the relay's numbers are noted for the charts.
const sampleEvery = 5 * time.Second

// Config says what a Console shows, and to whom.
type Config struct {
	Inspector  relay.Inspector
	Controller relay.Controller
	Users      []User
	Version    string           // of the program
	Now        func() time.Time // nil: time.Now
	Logger     *slog.Logger     // nil: silence
}

// User is someone who may log in.
type User struct {
	Name, Password string
	Roles          []string // read: may look; admin: may steer as well
	// RequireTLS keeps the user's password off connections in the clear.
	RequireTLS bool
	// RequireCertificate keeps the user out: there are no client certificates here.
	RequireCertificate bool
}

// Console answers for the pages. Its Run notes the numbers that the charts need.
type Console struct {
	cfg      Config
	pages    pages
	sessions *sessions
	throttle *throttle.Throttle
	history  history
	handler  http.Handler
}

//go:embed assets
var assets embed.FS

// New makes a Console.
func New(cfg Config) *Console {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	c := &Console{cfg: cfg, pages: parsePages(), sessions: newSessions(cfg.Now), throttle: throttle.New(cfg.Now)}
	c.handler = c.routes()
	return c
}

func (c *Console) routes() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /assets/", cached(http.FileServerFS(assets)))
	mux.HandleFunc("GET /login", c.askLogin)
	mux.HandleFunc("POST /login", c.logIn)
	mux.HandleFunc("POST /logout", c.steering(c.logOut))
	mux.HandleFunc("GET /{$}", c.reading(c.overview))
	mux.HandleFunc("GET /conflicts", c.reading(c.conflicts))
	mux.HandleFunc("POST /conflicts/{id}/resolve", c.steering(c.asAdmin(c.decide)))
	mux.HandleFunc("GET /letters", c.reading(c.letters))
	for path, action := range c.letterActions() {
		mux.HandleFunc("POST /letters/{id}/"+path, c.steering(c.asAdmin(c.onLetter(action))))
	}
	mux.HandleFunc("GET /verify", c.reading(c.verifications))
	mux.HandleFunc("GET /tables", c.reading(c.tables))
	mux.HandleFunc("POST /peers/{peer}/pause", c.steering(c.asAdmin(c.pause)))
	mux.HandleFunc("POST /peers/{peer}/resume", c.steering(c.asAdmin(c.resume)))
	return guarded(http.NewCrossOriginProtection().Handler(mux))
}

// ServeHTTP implements http.Handler.
func (c *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) { c.handler.ServeHTTP(w, r) }

// Run notes the relay's numbers until ctx ends, which is no error.
func (c *Console) Run(ctx context.Context) error {
	next := time.NewTicker(sampleEvery)
	defer next.Stop()
	for {
		c.Observe()
		select {
		case <-next.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// Observe notes the relay's numbers once.
func (c *Console) Observe() { c.history.add(take(c.cfg.Inspector, c.cfg.Now())) }
