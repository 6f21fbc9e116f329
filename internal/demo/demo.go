package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/octant-db/octant/testenv"
)

// Options says how to show it.
type Options struct {
	Octant   string        // the binary that the relays run
	Regions  int           // at least 3
	Engines  string        // one of Casts; "" is mariadb
	Writing  time.Duration // how long the applications write
	Keep     bool          // leave everything running until the context ends
	WorkDir  string        // where to put everything; "" is the temporary folder
	Out      io.Writer
	Terminal bool // draw in place, with symbols
}

// ErrDiffer says that regions were not identical in the end. The rows that differ have been printed.
var ErrDiffer = errors.New("the regions differ")

// closing bounds the clean-up; whatever is not gone by then is killed.
const closing = 30 * time.Second

// Run shows the demo. However it ends, no process and no file is left. When ctx ends before the demo has shown what it wants
// to show, that is the error.
func Run(ctx context.Context, o Options) (err error) {
	s := &show{options: o, screen: newScreen(o.Out, o.Terminal), began: time.Now()}
	dir, err := os.MkdirTemp(o.WorkDir, "octant-demo-")
	if err != nil {
		return fmt.Errorf("make the demo's folder: %w", err)
	}
	defer os.RemoveAll(dir)
	s.say("Starting %d %s, each with its own relay, in %s.", o.Regions, serverNames[o.Engines], dir)
	s.say("Nothing but the relays connects them: the databases know nothing of each other.")
	bed := testenv.Options{Regions: o.Regions, Dir: dir, Octant: o.Octant, Schema: schema, Include: []string{"shop.*"}, Relaxed: true}
	if s.common() {
		bed.Engines, bed.Database = casts[o.Engines], "shop"
		bed.SchemaOf = func(r *testenv.Region) string { return shopSchema(r, o.Regions) }
	}
	s.bed, err = testenv.Start(ctx, bed)
	if err != nil {
		return stopped(ctx, err)
	}
	defer func() { err = errors.Join(err, s.close(ctx)) }()
	return stopped(ctx, s.run(ctx))
}

// serverNames are what people call the engines.
var serverNames = map[string]string{
	"": "MariaDB servers", "mariadb": "MariaDB servers", "mysql": "MySQL servers", "postgres": "PostgreSQL servers", "mixed": "MariaDB, MySQL and PostgreSQL servers",
}

// common tells whether the shop is the one that all engines can have.
func (s *show) common() bool { return s.options.Engines != "" && s.options.Engines != "mariadb" }

// stopped prefers the reason why the context ended to what broke because of it.
func stopped(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

func (s *show) close(ctx context.Context) error {
	s.screen.clear()
	s.say("Stopping everything.")
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closing)
	defer cancel()
	s.closeGauges()
	return s.bed.Close(ctx)
}
