package capture_test

import (
	"strings"
	"testing"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/protocol/mysql/capture"
	"github.com/octant-db/octant/relay"
)

// TestNothingElseIsCommittedDuringARecovery: what the relay writes into its own books is passed over, and an application's transaction is refused.
func TestNothingElseIsCommittedDuringARecovery(t *testing.T) {
	s := startServer(t)
	run(t, s, "CREATE DATABASE IF NOT EXISTS octant", "CREATE TABLE octant.recovered (at DATETIME(6) NOT NULL, domain INT UNSIGNED NOT NULL)", "FLUSH BINARY LOGS")
	file, _, _ := strings.Cut(status(t, s), ":")
	next := relay.Position(binlog.Position{Flavour: binlog.Flavour, File: file, Offset: 4, Joining: true, Epoch: 3}.String())
	run(t, s, "INSERT INTO octant.recovered VALUES (NOW(6), 1)", "CREATE TABLE IF NOT EXISTS octant.recovered (at DATETIME(6))")
	source := capture.New(configFor(s))
	behind, err := source.Behind(t.Context(), nil, next)
	if err != nil {
		t.Fatal(err)
	}
	p, err := binlog.ParsePosition(string(behind))
	if want := ask(t, s, "SELECT @@gtid_binlog_pos"); err != nil || p.GTIDs.String() != want || p.File != file || !p.Joining || p.Epoch != 3 {
		t.Errorf("the position behind it is %s, want %s (%v)", behind, want, err)
	}
	run(t, s, "FLUSH BINARY LOGS", "INSERT INTO app.t VALUES (1, 'x')")
	_, err = source.Behind(t.Context(), nil, next)
	requireIs(t, err, relay.ErrDiverged)
	if !strings.Contains(err.Error(), "not by the relay") {
		t.Errorf("the refusal is %v", err)
	}
}
