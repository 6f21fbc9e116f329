package main

import (
	"errors"
	"flag"
	"io"
	"log/slog"
	"os"

	"golang.org/x/term"

	"github.com/octant-db/octant/internal/config"
)

// parse reads a command's flags; there are no other arguments.
func parse(flags *flag.FlagSet, args []string) error {
	flags.SetOutput(os.Stderr)
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return err
	case err != nil:
		return usageError("") // package flag has said it
	case flags.NArg() > 0:
		return usageError(flags.Name() + ": unexpected argument " + flags.Arg(0))
	}
	return nil
}

// parseWithConfig reads a command's flags and the configuration that --config names.
func parseWithConfig(flags *flag.FlagSet, args []string) (*config.Config, error) {
	path := flags.String("config", "", "the configuration `file`")
	if err := parse(flags, args); err != nil {
		return nil, err
	}
	if *path == "" {
		return nil, usageError(flags.Name() + ": --config FILE is missing")
	}
	return config.Load(*path)
}

func newFlags(command string) *flag.FlagSet {
	return flag.NewFlagSet("octant "+command, flag.ContinueOnError)
}

// newLogger makes the logger that the configuration asks for.
func newLogger(w io.Writer, l config.Log) *slog.Logger {
	options := &slog.HandlerOptions{Level: l.Level}
	if l.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

// isTerminal tells whether people look at the file, on something that can draw.
func isTerminal(f *os.File) bool {
	return term.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb"
}

// hasColor follows the custom of https://no-color.org.
func hasColor(f *os.File) bool { return isTerminal(f) && os.Getenv("NO_COLOR") == "" }
