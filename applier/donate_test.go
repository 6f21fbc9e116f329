package applier_test

import (
	"testing"

	"github.com/octant-db/octant/relay"
)

// A region that joins begins above all that its donor has promised: others have taken what is up to there for settled, and would take a write of the
// newcomer's below it for one that they have long seen.
func TestDonationIsAboveWhatWasPromised(t *testing.T) {
	b := newBed(t, 2).start()
	const promised = relay.HLC(9_000_000_000_000_000)
	if err := b.log.Promise(t.Context(), promised); err != nil {
		t.Fatal(err)
	}
	d, err := b.a.Donate(t.Context(), 3)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if d.Clock < promised {
		t.Errorf("the newcomer's clock begins at %d, and %d was promised", d.Clock, promised)
	}
}
