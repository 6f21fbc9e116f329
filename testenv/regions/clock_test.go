package regions_test

import (
	"testing"

	"github.com/octant-db/octant/testenv"
)

// TestSessionWithAWrongClock has a session of a database commit an hour ahead, and one an hour back: its region is believed as before, nothing is
// lost, and whoever has seen a row and writes it wins.
func TestSessionWithAWrongClock(t *testing.T) {
	bed := smallBed(t, testenv.Options{Schema: pairSchema})
	a, b := bed.Region("a"), bed.Region("b")
	run(t, a, "SET timestamp=UNIX_TIMESTAMP()+3600", "INSERT INTO app.t VALUES (1, 'ahead'), (2, 'ahead')", "SET timestamp=DEFAULT")
	passFence(t, bed)
	run(t, b, "UPDATE app.t SET v='seen' WHERE id=1")
	settleAll(t, bed)
	run(t, a, "SET timestamp=UNIX_TIMESTAMP()-3600", "UPDATE app.t SET v='back' WHERE id=2", "INSERT INTO app.t VALUES (3, 'back')", "SET timestamp=DEFAULT")
	settleAll(t, bed)
	if got := rowsAt(t, b, "SELECT id, v FROM app.t ORDER BY id"); got != "1 seen; 2 back; 3 back" {
		t.Errorf("region b has %q", got)
	}
	for _, r := range bed.Regions {
		if problems := askRelay(t, bed, r.Name, "SELECT kind, detail FROM octant.problems WHERE kind LIKE 'clock%'"); problems != "" {
			t.Errorf("relay %s reports %s", r.Name, problems)
		}
	}
}
