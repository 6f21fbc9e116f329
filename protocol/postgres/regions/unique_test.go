package regions_test

import (
	"slices"
	"testing"
	"time"

	"github.com/octant-db/octant/protocol/postgres/pgtest"
	"github.com/octant-db/octant/testenv"
)

// TestUniqueValueTakenInTwoRegionsStaysWithTheLaterRow has rows clash in a unique value while the regions cannot hear each other. The older row
// is hidden, and put back when the value is free. Rows outside a partial index share values as they like.
func TestUniqueValueTakenInTwoRegionsStaysWithTheLaterRow(t *testing.T) {
	e := pgtest.Oldest(t)
	b := start(t, `CREATE TABLE account (id int PRIMARY KEY, name text UNIQUE, mail text, active bool NOT NULL DEFAULT true);
CREATE UNIQUE INDEX ON account (mail) WHERE active`, e, e)
	one, other := b.regions[0].server, b.regions[1].server
	one.Exec(t, "INSERT INTO app.account VALUES (1, 'first', 'm', false)")
	b.awaitIdentical(t, time.Minute, "app.account")
	b.network.Isolate("a", testenv.Cut)
	one.Exec(t, "INSERT INTO app.account VALUES (10, 'taken', 'm', false), (11, 'free', 'm', false)")
	other.Exec(t, "SELECT pg_sleep(0.01); INSERT INTO app.account VALUES (20, 'taken', 'm', true)")
	b.network.Heal()
	b.awaitIdentical(t, time.Minute, "app.account")
	b.requireNames(t, "1 first", "11 free", "20 taken")
	one.Exec(t, "UPDATE app.account SET name = 'given up' WHERE id = 20")
	b.awaitRows(t, "10 taken")
	b.awaitIdentical(t, time.Minute, "app.account")
	b.requireNames(t, "1 first", "10 taken", "11 free", "20 given up")
}

const namesSQL = "SELECT id || ' ' || name FROM app.account ORDER BY id"

func (b *bed) requireNames(t *testing.T, want ...string) {
	t.Helper()
	for _, r := range b.regions {
		if got := r.server.Query(t, namesSQL); !slices.Equal(got, want) {
			t.Errorf("region %s has %q, want %q", r.name, got, want)
		}
	}
}

// awaitRows waits until a row is in every region.
func (b *bed) awaitRows(t *testing.T, want string) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for _, r := range b.regions {
		for !slices.Contains(r.server.Query(t, namesSQL), want) {
			if time.Now().After(deadline) {
				t.Fatalf("region %s does not get row %q: %q\n%s", r.name, want, r.server.Query(t, namesSQL), r.relay.LogTail())
			}
			b.pause()
		}
	}
}
