package primary

import "time"

// allowanceShare is which part of its time a reader may wait for others, and allowanceMost how much of that it can save up.
const (
	allowanceShare = 4
	allowanceMost  = 250 * time.Millisecond
)

// allowance is for how long a reader may wait for others: within any time t no more than allowanceMost + t/allowanceShare. The zero value has saved up all that it can.
type allowance struct {
	used time.Duration
	at   time.Time // when used was right
}

// left is how long the reader may wait now.
func (a *allowance) left(now time.Time) time.Duration {
	a.used = max(0, a.used-now.Sub(a.at)/allowanceShare)
	a.at = now
	return allowanceMost - a.used
}

// waited notes that the reader has waited since it asked what is left.
func (a *allowance) waited(now time.Time) {
	since := now.Sub(a.at)
	a.used = max(0, a.used-since/allowanceShare) + since
	a.at = now
}
