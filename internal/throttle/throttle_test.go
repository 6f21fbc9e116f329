package throttle_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/octant-db/octant/internal/throttle"
)

// refusal is how long the host's refusal takes, in a bubble where time is not real.
func refusal(t *throttle.Throttle, host string) time.Duration {
	began := time.Now()
	t.Refuse(context.Background(), host)
	return time.Since(began)
}

func TestRefusalsTakeLongerAndLonger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		th := throttle.New(time.Now)
		for i, want := range []time.Duration{0, 0, 0, 200 * time.Millisecond, 400 * time.Millisecond, 800 * time.Millisecond} {
			if got := refusal(th, "10.0.0.1"); got != want {
				t.Errorf("refusal %d took %v, want %v", i+1, got, want)
			}
		}
		for range 20 {
			refusal(th, "10.0.0.1")
		}
		if got := refusal(th, "10.0.0.1"); got != 5*time.Second {
			t.Errorf("at most 5 s, got %v", got)
		}
		if got := refusal(th, "10.0.0.2"); got != 0 {
			t.Errorf("another host waits %v", got)
		}
		th.Passed("10.0.0.1")
		if got := refusal(th, "10.0.0.1"); got != 0 {
			t.Errorf("a host that has logged in waits %v", got)
		}
	})
}

func TestAHostThatWaitsOnManyConnectionsIsBlocked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		th := throttle.New(time.Now)
		for range 3 {
			refusal(th, "h")
		}
		ctx, cancel := context.WithCancel(t.Context())
		for range 8 {
			go th.Refuse(ctx, "h")
		}
		synctest.Wait()
		if !th.Blocked("h") || th.Blocked("other") {
			t.Error("eight waiting refusals should block the host, and only it")
		}
		cancel()
		synctest.Wait()
		if th.Blocked("h") {
			t.Error("it is still blocked though nobody waits")
		}
	})
}
