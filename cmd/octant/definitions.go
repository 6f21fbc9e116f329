package main

import (
	"context"
	"fmt"

	"github.com/octant-db/octant/internal/config"
	"github.com/octant-db/octant/protocol/postgres/ddl"
)

// runDefinitions writes the script that makes PostgreSQL's event triggers, for a superuser to run.
func runDefinitions(_ context.Context, args []string) error {
	cfg, err := parseWithConfig(newFlags("definitions"), args)
	if err != nil {
		return err
	}
	if cfg.Database.Flavour != config.Postgres {
		return usageError("definitions: only PostgreSQL needs this: the logs of MariaDB and MySQL have definitions in them")
	}
	fmt.Print(ddl.Install(cfg.Database.User))
	return nil
}
