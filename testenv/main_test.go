package testenv_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"

	"github.com/BurntSushi/toml"

	"github.com/octant-db/octant/testenv"
)

// TestMain lets the test binary play a relay's process: with OCTANT_TESTENV_ROLE set it keeps the contract of
// `octant run` as far as processes see it, or breaks it in the way that the role names.
func TestMain(m *testing.M) {
	if role := os.Getenv("OCTANT_TESTENV_ROLE"); role != "" {
		os.Exit(playRelay(role))
	}
	os.Exit(m.Run())
}

func playRelay(role string) int {
	if len(os.Args) != 4 || os.Args[1] != "run" || os.Args[2] != "--config" {
		fmt.Fprintln(os.Stderr, "usage")
		return 2
	}
	var c testenv.RelayConfig
	meta, err := toml.DecodeFile(os.Args[3], &c)
	if err != nil || len(meta.Undecoded()) > 0 {
		fmt.Fprintln(os.Stderr, "config:", err, meta.Undecoded())
		return 2
	}
	if role == "fails" {
		fmt.Fprintln(os.Stderr, "the database refuses")
		return 1
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	return serveRelay(ctx, role, c)
}

func serveRelay(ctx context.Context, role string, c testenv.RelayConfig) int {
	mux := http.NewServeMux()
	mux.HandleFunc("/readyz", func(w http.ResponseWriter, r *http.Request) {
		if role == "lags" && strings.Contains(r.URL.RawQuery, "peers=all") {
			http.Error(w, "peer b is not connected", http.StatusServiceUnavailable)
		}
	})
	server := &http.Server{Addr: c.Listen.HTTP, Handler: mux}
	go func() { _ = server.ListenAndServe() }()
	<-ctx.Done()
	_ = server.Close()
	if role == "stops badly" {
		fmt.Fprintln(os.Stderr, "cannot close the relay log")
		return 1
	}
	return 0
}
