package testenv

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/go-sql-driver/mysql"
	"golang.org/x/sync/errgroup"
)

// Site is a region as workloads and oracles see it: a name, a number and the database. They need no relay, so
// they run over a Bed, over plain servers, and over servers that stock replication joins.
type Site struct {
	Name string
	ID   int
	DB   *sql.DB // may read and write everything; not closed by those who are given it
}

// atEach runs f for all sites at the same time and joins what they return, named by site.
func atEach(ctx context.Context, sites []Site, f func(context.Context, int, Site) error) error {
	g, ctx := errgroup.WithContext(ctx)
	for i, site := range sites {
		g.Go(func() error {
			if err := f(ctx, i, site); err != nil {
				return fmt.Errorf("region %s: %w", site.Name, err)
			}
			return nil
		})
	}
	return g.Wait()
}

// ExecAll runs SQL, one statement or several, at every site at the same time.
func ExecAll(ctx context.Context, sites []Site, text string) error {
	return atEach(ctx, sites, func(ctx context.Context, _ int, site Site) error {
		if _, err := site.DB.ExecContext(ctx, text); err != nil {
			return fmt.Errorf("run schema: %w", err)
		}
		return nil
	})
}

// refused says that the server answered with an error: the statement did not happen, and the connection is
// good. Every other error leaves a COMMIT's outcome unknown.
func refused(err error) bool {
	var answer *mysql.MySQLError
	return errors.As(err, &answer) && answer.Number != shutdownInProgress && answer.Number != connectionKilled
}

// Errors of a server that is being stopped or whose connection was killed: the transaction's fate is open.
const (
	shutdownInProgress = 1053 // ER_SERVER_SHUTDOWN
	connectionKilled   = 1927 // ER_CONNECTION_KILLED
)
