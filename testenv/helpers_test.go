package testenv_test

import (
	"database/sql"
	"strings"
	"testing"
	"time"

	_ "github.com/go-sql-driver/mysql"

	"github.com/octant-db/octant/testenv/envtest"
)

// waitFor polls a condition until it holds, and fails the test after half a minute.
func waitFor(t *testing.T, what string, holds func() bool) {
	t.Helper()
	ctx := envtest.Context(t, 2*time.Minute)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

func contains(text, part string) bool { return strings.Contains(text, part) }

func openAs(t *testing.T, dsn string) *sql.DB {
	t.Helper()
	db, err := sql.Open("mysql", dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}
