package main

import (
	"context"
	"os"
	"time"

	"github.com/octant-db/octant/internal/config"
	"github.com/octant-db/octant/internal/doctor"
	"github.com/octant-db/octant/protocol/mysql/feed"
	"github.com/octant-db/octant/protocol/mysql/preflight"
	"github.com/octant-db/octant/relay"
)

func runDoctor(ctx context.Context, args []string) error {
	flags := newFlags("doctor")
	asJSON := flags.Bool("json", false, "write the results as JSON")
	cfg, err := parseWithConfig(flags, args)
	if err != nil {
		return err
	}
	results := examine(ctx, cfg, &feed.Dialer{})
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

func examine(ctx context.Context, cfg *config.Config, dialer relay.Dialer) []preflight.Result {
	results := preflight.Check(ctx, preflight.Config{
		Address: cfg.Database.Address, User: cfg.Database.User, Password: string(cfg.Database.Password),
		Region: cfg.Region.ID, Regions: len(cfg.Peers) + 1, ReplicaID: cfg.ReplicaID(),
		Include: cfg.Database.Tables.Include, Match: cfg.Database.Tables.Match,
	})
	results = append(results, doctor.Local(cfg)...)
	return append(results, doctor.Peers(ctx, cfg, dialer, time.Now)...)
}
