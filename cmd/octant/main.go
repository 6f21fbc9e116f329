// Command octant runs a relay beside a database, and looks after it.
//
// It exits with 0 when it did what was asked or was asked to stop, 1 when that failed, and 2 when the command line or the
// configuration is wrong.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"

	"github.com/octant-db/octant/internal/config"
)

const usageText = `Octant lets independently written databases in several regions hold the same data.

Usage:
  octant run     --config FILE                 run one relay in the foreground; logs go to stderr
  octant join    --from REGION --config FILE [--rows N] [--lag 10s] [--keep] [--replace] [--prepare [--at PLACE]]
                                               fill this region's tables from another one, so that octant run can take part
  octant recover --config FILE                 give the database back, from the relay's log, the last commits that it has lost
  octant doctor  --config FILE [--json]        check the local database and the peers; exit 1 if a check fails
  octant definitions --config FILE             write the SQL that makes event triggers on PostgreSQL, with which definitions are carried
  octant status  --config FILE [--watch]       show what the running relay does
  octant conflicts --config FILE               write the conflicts on record as JSON lines
  octant verify  [TABLE...] --config FILE      compare all regions with each other while they are written to; exit 1 if they differ
  octant repair  REPORT --config FILE (--newest | --from REGION | --ask) [--dry-run] [--record FILE]
                                               make rows equal that a report of octant verify --json says differ
  octant demo    [--keep] [--regions N] [--seconds N] [--work-dir DIR]
                                               eight databases and relays on this machine, with conflicts and faults
  octant load    --at REGION=HOST:PORT … [--rate N] [--user NAME]
                                               write what the demo's applications write, until Ctrl-C
  octant version

Exit codes: 0 asked to stop, 1 failed, 2 wrong usage or configuration.
`

func main() { os.Exit(command(os.Args[1:])) }

// commands are the subcommands. Each gets a context that ends when the process is asked to stop.
var commands = map[string]func(ctx context.Context, args []string) error{
	"run":         run,
	"join":        runJoin,
	"recover":     runRecover,
	"doctor":      runDoctor,
	"definitions": runDefinitions,
	"status":      runStatus,
	"conflicts":   runConflicts,
	"verify":      runVerify,
	"repair":      runRepair,
	"demo":        runDemo,
	"load":        runLoad,
	"version":     runVersion,
}

func command(args []string) int {
	if len(args) == 0 {
		fmt.Fprint(os.Stderr, usageText)
		return 2
	}
	switch args[0] {
	case "help", "-h", "-help", "--help":
		fmt.Print(usageText)
		return 0
	case "--version":
		args[0] = "version"
	}
	f, known := commands[args[0]]
	if !known {
		fmt.Fprintf(os.Stderr, "octant: there is no command %q\n\n%s", args[0], usageText)
		return 2
	}
	ctx, stop := stopContext()
	defer stop()
	return exitCode(f(ctx, args[1:]))
}

// errReported ends a command with exit code 1 when it has said itself what is wrong.
var errReported = errors.New("reported")

// usageError is a wrong command line. An empty one was reported by package flag.
type usageError string

func (e usageError) Error() string { return string(e) }

func exitCode(err error) int {
	var usage usageError
	var configuration *config.Error
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case errors.Is(err, errReported):
		return 1
	case errors.As(err, &usage):
		if usage != "" {
			fmt.Fprintf(os.Stderr, "octant: %s\n", usage)
		}
		return 2
	}
	fmt.Fprintf(os.Stderr, "octant: %v\n", err)
	if errors.As(err, &configuration) {
		return 2
	}
	return 1
}
