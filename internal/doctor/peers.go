package doctor

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/octant-db/octant/internal/config"
	"github.com/octant-db/octant/internal/finding"
	"github.com/octant-db/octant/relay"
)

// peerTimeout bounds the talk with one peer, heartbeat included.
const peerTimeout = 10 * time.Second

// Peers asks every peer who it is, all at the same time, and returns the results in the order of the configuration.
//
// It subscribes from sequence 0, which no transaction has, and with an empty Store, which no relay has: so a publisher
// can tell that nobody follows.
func Peers(ctx context.Context, cfg *config.Config, dialer relay.Dialer, now func() time.Time) []finding.Result {
	answers := make([]answer, len(cfg.Peers))
	var all sync.WaitGroup
	for i, p := range cfg.Peers {
		all.Go(func() { answers[i] = ask(ctx, dialer, p.Relay(), cfg.Hello(), now) })
	}
	all.Wait()
	var results []finding.Result
	for i, a := range answers {
		results = append(results, judge(cfg, cfg.Peers[i], a))
	}
	return append(results, sharedIDs(cfg, answers)...)
}

// answer is what a peer said.
type answer struct {
	hello   relay.Hello
	offset  time.Duration // its clock minus ours
	clocked bool          // a heartbeat came
	err     error
}

func ask(ctx context.Context, dialer relay.Dialer, to relay.Peer, self relay.Hello, now func() time.Time) answer {
	ctx, cancel := context.WithTimeout(ctx, peerTimeout)
	defer cancel()
	hello, feed, err := dialer.Subscribe(ctx, to, self, relay.Want{})
	if err != nil {
		return answer{err: err}
	}
	defer feed.Close()
	a := answer{hello: hello}
	for {
		m, err := feed.Next(ctx)
		if err != nil {
			return a // the introduction is enough; only the clock stays unknown
		}
		if m.Heartbeat != nil {
			a.offset, a.clocked = time.UnixMicro(m.Heartbeat.Wall).Sub(now()), true
			return a
		}
	}
}

func judge(cfg *config.Config, p config.Peer, a answer) finding.Result {
	r := finding.Result{Name: "peer " + p.Region, Status: finding.Fail}
	switch h := a.hello; {
	case errors.Is(a.err, relay.ErrRefused):
		r.Detail = a.err.Error()
		r.Remedy = "compare user and password of this [[peer]] with a [[user]] with role replicate at that relay, and region.cluster and region.id of both"
	case a.err != nil:
		r.Detail = a.err.Error()
		r.Remedy = fmt.Sprintf("see that the relay of region %s runs and that %s leads to its listen.mysql", p.Region, p.Address)
	case h.Cluster != cfg.Region.Cluster:
		r.Detail = fmt.Sprintf("belongs to cluster %q, this relay to %q", h.Cluster, cfg.Region.Cluster)
		r.Remedy = "correct the address, or region.cluster of one of them"
	case h.Name != p.Region:
		r.Detail = fmt.Sprintf("%s is the relay of region %q", p.Address, h.Name)
		r.Remedy = "correct the address or the region of this [[peer]]"
	case h.Region == cfg.Region.ID:
		r.Detail = fmt.Sprintf("has region.id %d like this one", h.Region)
		r.Remedy = "give each region an id of its own before the first start"
	default:
		if _, err := relay.Agree(h, cfg.Hello()); err != nil {
			r.Detail = err.Error()
			r.Remedy = "see the order of upgrades in docs/operations.md"
			return r
		}
		return clock(cfg, r.Name, a)
	}
	return r
}

func clock(cfg *config.Config, name string, a answer) finding.Result {
	r := finding.Result{Name: name, Status: finding.OK}
	who := fmt.Sprintf("region id %d", a.hello.Region)
	if !a.clocked {
		r.Status, r.Detail = finding.Info, who+"; it sent no heartbeat, so its clock could not be compared"
		return r
	}
	r.Detail = fmt.Sprintf("%s, clock %+d ms", who, a.offset.Milliseconds())
	const remedy = "run NTP or chrony on both machines"
	switch ahead := a.offset.Abs(); {
	case ahead > cfg.Clock.Stop:
		r.Status, r.Remedy = finding.Fail, remedy
	case ahead > cfg.Clock.Warn:
		r.Status, r.Remedy = finding.Warn, remedy
	}
	return r
}

// sharedIDs finds peers that have one region id among them.
func sharedIDs(cfg *config.Config, answers []answer) []finding.Result {
	var results []finding.Result
	first := map[relay.Region]string{}
	for i, a := range answers {
		if a.err != nil || a.hello.Region == 0 {
			continue
		}
		name := cfg.Peers[i].Region
		if other, taken := first[a.hello.Region]; taken {
			results = append(results, finding.Result{
				Name: "region ids", Status: finding.Fail,
				Detail: fmt.Sprintf("regions %s and %s both have region.id %d", other, name, a.hello.Region),
				Remedy: "give each region an id of its own before the first start",
			})
			continue
		}
		first[a.hello.Region] = name
	}
	return results
}
