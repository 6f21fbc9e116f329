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
	names, err := parseMixed(flags, args)
	if err == nil && len(names) > 0 {
		return usageError(flags.Name() + ": unexpected argument " + names[0])
	}
	return err
}

// parseMixed reads a command's flags and returns its other arguments, which may stand before, between and behind them.
func parseMixed(flags *flag.FlagSet, args []string) ([]string, error) {
	flags.SetOutput(os.Stderr)
	var names []string
	for {
		switch err := flags.Parse(args); {
		case errors.Is(err, flag.ErrHelp):
			return nil, err
		case err != nil:
			return nil, usageError("") // package flag has said it
		case flags.NArg() == 0:
			return names, nil
		}
		names, args = append(names, flags.Arg(0)), flags.Args()[1:]
	}
}

// parseWithConfig reads a command's flags and the configuration that --config names.
func parseWithConfig(flags *flag.FlagSet, args []string) (*config.Config, error) {
	cfg, names, err := parseWithNames(flags, args)
	if err == nil && len(names) > 0 {
		return nil, usageError(flags.Name() + ": unexpected argument " + names[0])
	}
	return cfg, err
}

// parseWithNames is parseWithConfig for a command that takes other arguments too.
func parseWithNames(flags *flag.FlagSet, args []string) (*config.Config, []string, error) {
	path := flags.String("config", "", "the configuration `file`")
	names, err := parseMixed(flags, args)
	if err != nil {
		return nil, nil, err
	}
	if *path == "" {
		return nil, nil, usageError(flags.Name() + ": --config FILE is missing")
	}
	cfg, err := config.Load(*path)
	return cfg, names, err
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
