package mixed_test

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/octant-db/octant/protocol/postgres/pgtest"
	"github.com/octant-db/octant/testenv/envtest"
)

// copied provisions each replica anew, as docs/postgres.md says, while somebody writes.
func (a *audience) copied(t *testing.T) {
	u, err := url.Parse(a.source.url)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword(pgtest.User, pgtest.Password)
	conn, err := pgx.Connect(t.Context(), u.String())
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		defer conn.Close(context.WithoutCancel(ctx))
		for id := 100; ; id++ {
			text := fmt.Sprintf("INSERT INTO app.narrow VALUES (%d, %d, 'w', 0); UPDATE app.narrow SET n = n + 1 WHERE id %% 7 = %d; DELETE FROM app.narrow WHERE id = %d",
				id, id, id%7, id-50)
			if _, err := conn.PgConn().Exec(context.WithoutCancel(ctx), text).ReadAll(); err != nil || ctx.Err() != nil {
				ended <- err
				return
			}
		}
	}()
	for _, r := range a.replicas {
		a.copy(t, r)
	}
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	a.awaitShown(t, time.Minute, widened())
}

func (a *audience) copy(t *testing.T, r *stock) {
	t.Helper()
	if err := r.server.StopFollowing(envtest.Context(t, time.Minute)); err != nil {
		t.Fatal(err)
	}
	r.exec(t, "TRUNCATE TABLE app.narrow")
	a.source.exec(t, "BEGIN ISOLATION LEVEL REPEATABLE READ; LOCK TABLE app.narrow IN SHARE MODE")
	read := func(query string) [][]*string {
		rows, err := a.source.rows(query)
		if err != nil {
			t.Fatal(err)
		}
		return rows
	}
	end := *read("SELECT pg_current_wal_lsn()")[0][0]
	where := " FROM octant.replica_log WHERE flavour = '" + r.name + "'"
	awaitTrue(t, time.Minute, "the relay has read up to "+end, func() bool {
		return *read(fmt.Sprintf("SELECT '%s'::pg_lsn >= '%s'::pg_lsn", a.source.ask(t, "SELECT source_position"+where), end))[0][0] == "t"
	})
	source := r.source
	source.GTIDs = a.source.ask(t, "SELECT gtid_set"+where)
	var list []string
	for _, row := range read("SELECT id, n, coalesce(quote_literal(w), 'NULL'), coalesce(more::text, 'NULL') FROM app.narrow") {
		list = append(list, fmt.Sprintf("(%s, %s, %s, %s)", *row[0], *row[1], *row[2], *row[3]))
	}
	a.source.exec(t, "COMMIT")
	r.exec(t, "INSERT INTO app.narrow VALUES "+strings.Join(list, ","))
	if err := r.server.Follow(envtest.Context(t, time.Minute), source); err != nil {
		t.Fatal(err)
	}
}
