package applier

import (
	"slices"
	"testing"
	"testing/synctest"

	"github.com/octant-db/octant/conflict"
)

// Of flights over one row the second is given up while the first still flies, and later the third: those behind them wait for the first all the same.
func TestFlightsWaitBehindThoseThatAreGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, row := newLocks(), []conflict.Write{{Key: "row"}}
		takeOff := func() *flight {
			f := newFlight(&conflict.Plan{})
			l.take(f, row, nil)
			return f
		}
		end := func(f *flight, committed bool) {
			f.committed = committed
			l.release(f)
			f.after = nil
			close(f.done)
		}
		first, second := takeOff(), takeOff()
		third := takeOff()
		waited := make(chan struct{})
		go func() {
			_ = third.waitBehind(t.Context())
			close(waited)
		}()
		synctest.Wait()
		end(second, false)
		synctest.Wait()
		if closed(waited) {
			t.Error("the third does not wait for the first")
		}
		end(third, false)
		if fourth := takeOff(); !slices.Contains(fourth.after, first) {
			t.Error("the fourth is not behind the first")
		} else {
			end(first, true)
			end(fourth, true)
		}
		<-waited
		if len(l.holders) > 0 {
			t.Errorf("%d locks are left", len(l.holders))
		}
	})
}
