package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/octant-db/octant/internal/demo"
)

func runDemo(ctx context.Context, args []string) error {
	flags := newFlags("demo")
	keep := flags.Bool("keep", false, "leave everything running until Ctrl-C")
	regions := flags.Int("regions", 8, "how many `regions`, 3 to 26")
	seconds := flags.Int("seconds", 20, "how many `seconds` the applications write")
	engines := flags.String("engines", "mariadb", "what the databases are: mariadb, mysql, postgres or mixed")
	workDir := flags.String("work-dir", "", "the `folder` to put everything in; default is the temporary folder")
	if err := parse(flags, args); err != nil {
		return err
	}
	if *regions < 3 || *regions > 26 || *seconds < 5 || *seconds > 3600 {
		return usageError("octant demo: --regions is 3 to 26, --seconds 5 to 3600")
	}
	if !slices.Contains(demo.Casts, *engines) {
		return usageError("octant demo: --engines is one of " + strings.Join(demo.Casts, ", "))
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find my own executable: %w", err)
	}
	err = demo.Run(ctx, demo.Options{
		Octant: self, Regions: *regions, Engines: *engines, Writing: time.Duration(*seconds) * time.Second, Keep: *keep, WorkDir: *workDir,
		Out: os.Stdout, Terminal: isTerminal(os.Stdout),
	})
	if errors.Is(err, errStopped) {
		return nil
	}
	return err
}
