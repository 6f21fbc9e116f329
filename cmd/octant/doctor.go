package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/octant-db/octant/internal/config"
	"github.com/octant-db/octant/internal/doctor"
	"github.com/octant-db/octant/protocol/mysql/binlog"
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
	results = append(results, examineDatabase(ctx, cfg)...)
	results = append(results, doctor.Local(cfg)...)
	dialer, err := peerDialer(cfg)
	if err != nil {
		return append(results, preflight.Result{
			Name: "peers", Status: preflight.Fail, Detail: err.Error(), Remedy: "correct the keys that begin with tls in [peers]",
		})
	}
	return append(results, doctor.Peers(ctx, cfg, dialer, time.Now)...)
}

// examineDatabase checks the database by its kind.
func examineDatabase(ctx context.Context, cfg *config.Config) []preflight.Result {
	d := cfg.Database
	if d.Flavour == config.Postgres {
		return examinePostgres(ctx, cfg)
	}
	secured, err := doctorTLS(ctx, d)
	if err != nil {
		return []preflight.Result{{
			Name: "tls", Status: preflight.Fail, Detail: err.Error(), Remedy: "correct the keys that begin with tls in [database]",
		}}
	}
	g, err := greet(ctx, d.Address)
	if d.Flavour != "mysql" || err != nil || isMariaDB(g.Version) {
		return preflight.Check(ctx, checks(cfg, d, secured))
	}
	return examineMySQL(ctx, cfg, secured)
}

// examineMySQL finds out whether a relay can capture from MySQL, whose settings this version does not look at.
func examineMySQL(ctx context.Context, cfg *config.Config, secured *tls.Config) []preflight.Result {
	m := &mySQL{cfg: cfg, flavour: binlog.MySQL, log: slog.New(slog.DiscardHandler)}
	r := preflight.Result{Name: "connect", Status: preflight.OK}
	info, err := m.source(cfg.Database, secured).ServerInfo(ctx)
	if err != nil {
		r.Status, r.Detail = preflight.Fail, err.Error()
		r.Remedy = "correct [database], and grant its user REPLICATION SLAVE and REPLICATION CLIENT on *.*"
		return []preflight.Result{r}
	}
	m.version = info.Version
	r.Detail = fmt.Sprintf("%s as %s, MySQL %s", cfg.Database.Address, cfg.Database.User, info.Version)
	if err := m.check(); err != nil {
		r.Status, r.Detail, r.Remedy = preflight.Fail, err.Error(), "see docs/operations.md"
	}
	return []preflight.Result{r, {
		Name: "settings", Status: preflight.Info,
		Detail: "settings of MySQL are not looked at: it needs log_bin, gtid_mode = ON and binlog_row_metadata = FULL",
	}}
}
