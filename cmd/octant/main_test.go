package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/octant-db/octant/internal/config"
)

func TestExitCodes(t *testing.T) {
	wrong := filepath.Join(t.TempDir(), "octant.toml")
	if err := os.WriteFile(wrong, []byte("[nonsense]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		args string
		want int
	}{
		{"", 2}, {"help", 0}, {"fly", 2}, {"version", 0}, {"version now", 2}, {"version --help", 0},
		{"run", 2}, {"run --fast", 2}, {"doctor", 2}, {"definitions", 2}, {"status", 2},
		{"doctor --config /nonexistent/octant.toml", 2}, {"doctor --config " + wrong, 2}, {"run --config " + wrong, 2},
		{"demo --regions 1", 2}, {"demo --seconds x", 2},
	}
	for _, c := range cases {
		if got := command(strings.Fields(c.args)); got != c.want {
			t.Errorf("octant %s: exit code %d, want %d", c.args, got, c.want)
		}
	}
}

func TestExitCode(t *testing.T) {
	cases := []struct {
		err  error
		want int
	}{
		{nil, 0}, {flag.ErrHelp, 0}, {errors.New("x"), 1}, {errReported, 1}, {usageError("x"), 2},
		{fmt.Errorf("start: %w", &config.Error{Path: "f", Problems: []string{"p"}}), 2},
	}
	for _, c := range cases {
		if got := exitCode(c.err); got != c.want {
			t.Errorf("%v: got %d, want %d", c.err, got, c.want)
		}
	}
}
