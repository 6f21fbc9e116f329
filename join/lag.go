package join

import (
	"context"
	"fmt"
	"time"

	"github.com/octant-db/octant/relay"
)

// limit holds the copying back while somebody who would suffer from it is too far behind.
type limit struct {
	n     *Newcomer
	asked time.Time
}

// askEvery is how often those are asked how far they are behind.
const askEvery = time.Second

// await returns when neither the donor nor the replicas of the newcomer's database are too far behind.
func (l *limit) await(ctx context.Context) error {
	most := l.n.Options.Lag
	if most <= 0 || l.n.Clock.Now().Sub(l.asked) < askEvery {
		return nil
	}
	for waits := false; ; waits = true {
		lag, err := l.n.behind(ctx)
		if err != nil {
			return err
		}
		l.asked = l.n.Clock.Now()
		if lag <= most {
			return nil
		}
		if !waits {
			l.n.Logger.Info("copying waits: the donor or a replica is too far behind", "behind", lag, "limit", most)
		}
		if err := relay.Sleep(ctx, l.n.Clock, askEvery); err != nil {
			return err
		}
	}
}

// behind is how far the donor and the replicas of the newcomer's database are behind.
func (n *Newcomer) behind(ctx context.Context) (time.Duration, error) {
	lag, err := n.Donor.Side.Lag(ctx)
	followed, able := n.Copier.(relay.Followed)
	if err == nil && able {
		var own time.Duration
		own, err = followed.Lag(ctx)
		lag = max(lag, own)
	}
	if err != nil {
		return 0, fmt.Errorf("ask who is behind: %w", err)
	}
	return lag, nil
}
