package applier_test

import (
	"testing"
	"time"

	"github.com/octant-db/octant/relay"
)

// TestMergerStepsBackForCapture: while capture reads what the application wrote long ago, and not while old transactions of another region are applied, which wait for the merger.
func TestMergerStepsBackForCapture(t *testing.T) {
	b := newBed(t, 2).start()
	stepsBack := func(later time.Duration) bool { return b.a.StepsBack(time.Now().Add(later)) }
	eventually(t, "the relay's first own transaction, which is not the application's", func() bool { return b.log.Local().Last() > 0 })
	b.d.local("1||written now")
	b.settle()
	if stepsBack(0) {
		t.Error("it steps back for what was just written")
	}
	if !stepsBack(time.Hour) {
		t.Error("it does not step back for a backlog")
	}
	b.receive(2, now()-relay.HLC(time.Hour.Microseconds()), nil, insert("2||of another region, an hour ago"))
	b.settle()
	if stepsBack(time.Hour) {
		t.Error("what was applied is taken for a backlog of capture's")
	}
}
