package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"runtime/debug"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/octant-db/octant/internal/watch"
	"github.com/octant-db/octant/relay"
)

// How long a caller may take. A write has to last for a profile of a minute.
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 10 * time.Second
	writeTimeout      = 2 * time.Minute
	idleTimeout       = 2 * time.Minute
	shutdownTimeout   = 2 * time.Second
	maxHeaderBytes    = 16 << 10
)

// Server answers HTTP for one relay.
type Server struct {
	relay    relay.Inspector
	version  string
	now      func() time.Time
	log      *slog.Logger
	registry *prometheus.Registry
	mux      *http.ServeMux
	pages    http.Handler // nil: none
}

// Option changes a Server while it is made.
type Option func(*Server)

// WithVersion sets the program's version, which is otherwise that of the main module's build.
func WithVersion(version string) Option { return func(s *Server) { s.version = version } }

// WithClock sets where the time comes from.
func WithClock(now func() time.Time) Option { return func(s *Server) { s.now = now } }

// WithLogger sets where the server says what went wrong.
func WithLogger(log *slog.Logger) Option { return func(s *Server) { s.log = log } }

// WithPages sets what answers for every address that is not listed in the package's comment: the pages for people.
func WithPages(h http.Handler) Option { return func(s *Server) { s.pages = h } }

// New makes the server of the relay that i shows.
func New(i relay.Inspector, options ...Option) *Server {
	s := &Server{
		relay: i, version: buildVersion(), now: time.Now, log: slog.New(slog.DiscardHandler),
		registry: prometheus.NewRegistry(), mux: http.NewServeMux(),
	}
	for _, o := range options {
		o(s)
	}
	s.registry.MustRegister(
		NewCollector(i, s.version),
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	s.routes()
	return s
}

func (s *Server) routes() {
	s.mux.HandleFunc("GET /healthz", s.health)
	s.mux.HandleFunc("GET /readyz", s.ready)
	s.mux.HandleFunc("GET "+watch.Path, s.status)
	s.mux.Handle("GET /metrics", promhttp.HandlerFor(s.registry, promhttp.HandlerOpts{
		Registry: s.registry, ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelWarn), MaxRequestsInFlight: 8,
	}))
	s.mux.HandleFunc("/debug/pprof/", pprof.Index)
	s.mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	s.mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	s.mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	s.mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	if s.pages != nil {
		s.mux.Handle("/", s.pages)
	}
}

// Handler returns what answers the requests.
func (s *Server) Handler() http.Handler { return s.mux }

// Registry is where other parts may add metrics of their own.
func (s *Server) Registry() prometheus.Registerer { return s.registry }

// Serve answers requests on l, which it closes, until ctx ends; that is no error.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	server := &http.Server{
		Handler: s.mux, ReadHeaderTimeout: readHeaderTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout,
		IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes,
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	done := make(chan error, 1)
	go func() { done <- server.Serve(l) }()
	select {
	case err := <-done:
		return fmt.Errorf("serve HTTP: %w", err)
	case <-ctx.Done():
	}
	stopCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	if err := server.Shutdown(stopCtx); err != nil {
		server.Close() // a profile that still runs is cut off
	}
	if err := <-done; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve HTTP: %w", err)
	}
	return nil
}

func (s *Server) health(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	fmt.Fprintln(w, "ok")
}

func (s *Server) status(w http.ResponseWriter, _ *http.Request) {
	s.reply(w, http.StatusOK, watch.Take(s.relay, s.version, s.now()))
}

func (s *Server) reply(w http.ResponseWriter, code int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	if err := e.Encode(body); err != nil {
		s.log.Debug("answer over HTTP", "error", err)
	}
}

func buildVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "unknown"
}
