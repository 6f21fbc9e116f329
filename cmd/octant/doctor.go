package main

import (
	"context"
	"os"
	"time"

	"github.com/octant-db/octant/internal/config"
	"github.com/octant-db/octant/internal/doctor"
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
	if err == nil && preflight.Failed(results) {
		return errReported
	}
	return err
}

func examine(ctx context.Context, cfg *config.Config) []preflight.Result {
	results := doctor.Source(cfg)
	secured, err := doctorTLS(ctx, cfg.Database)
	if err != nil {
		results = append(results, preflight.Result{
			Name: "tls", Status: preflight.Fail, Detail: err.Error(), Remedy: "correct the keys that begin with tls in [database]",
		})
	}
	results = append(results, preflight.Check(ctx, checks(cfg, cfg.Database, secured))...)
	results = append(results, doctor.Local(cfg)...)
	dialer, err := peerDialer(cfg)
	if err != nil {
		return append(results, preflight.Result{
			Name: "peers", Status: preflight.Fail, Detail: err.Error(), Remedy: "correct the keys that begin with tls in [peers]",
		})
	}
	return append(results, doctor.Peers(ctx, cfg, dialer, time.Now)...)
}
