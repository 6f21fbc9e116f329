package main

import (
	"context"
	"os"
	"time"

	"github.com/octant-db/octant/internal/config"
	"github.com/octant-db/octant/internal/doctor"
	"github.com/octant-db/octant/internal/finding"
	"github.com/octant-db/octant/internal/watch"
	"github.com/octant-db/octant/protocol/mysql/preflight"
)

func runDoctor(ctx context.Context, args []string) error {
	flags := newFlags("doctor")
	asJSON := flags.Bool("json", false, "write the results as JSON")
	cfg, err := parseWithConfig(flags, args)
	if err != nil {
		return err
	}
	results := examine(ctx, cfg)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if *asJSON {
		err = doctor.WriteJSON(os.Stdout, results)
	} else {
		err = doctor.Write(os.Stdout, results, doctor.Style{Unicode: isTerminal(os.Stdout), Color: hasColor(os.Stdout)})
	}
	if err == nil && finding.Failed(results) {
		return errReported
	}
	return err
}

func examine(ctx context.Context, cfg *config.Config) []finding.Result {
	results := doctor.Source(cfg)
	results = append(results, examineDatabase(ctx, cfg)...)
	results = append(results, doctor.Local(cfg)...)
	results = append(results, examineRelay(ctx, cfg)...)
	dialer, err := peerDialer(cfg)
	if err != nil {
		return append(results, finding.Result{
			Name: "peers", Status: finding.Fail, Detail: err.Error(), Remedy: "correct the keys that begin with tls in [peers]",
		})
	}
	return append(results, doctor.Peers(ctx, cfg, dialer, time.Now)...)
}

// examineRelay asks the relay itself, if it is running.
func examineRelay(ctx context.Context, cfg *config.Config) []finding.Result {
	s, err := watch.FromHTTP(nil, cfg.Listen.HTTP)(ctx)
	if err != nil {
		return doctor.Stopped(cfg.Listen.HTTP)
	}
	return doctor.Running(s.Status, s.Problems)
}

// examineDatabase checks the database by its kind.
func examineDatabase(ctx context.Context, cfg *config.Config) []finding.Result {
	d := cfg.Database
	if d.Flavour == config.Postgres {
		return examinePostgres(ctx, cfg)
	}
	secured, err := doctorTLS(ctx, d)
	if err != nil {
		return []finding.Result{{
			Name: "tls", Status: finding.Fail, Detail: err.Error(), Remedy: "correct the keys that begin with tls in [database]",
		}}
	}
	results := preflight.Check(ctx, checks(cfg, d, secured))
	g, err := greet(ctx, d.Address)
	if err != nil { // which the checks have told
		return results
	}
	m := &mySQL{cfg: cfg, version: g.Version, flavour: flavourOf(g.Version)}
	if err := m.check(); err != nil {
		results = append(results, finding.Result{
			Name: "url", Status: finding.Fail, Detail: err.Error(), Remedy: "correct database.url",
		})
	}
	return results
}
