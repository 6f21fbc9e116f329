package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/octant-db/octant/internal/config"
	"github.com/octant-db/octant/relay"
)

// regrouping changes the peers of a relay that is running.
type regrouping struct {
	*live
	path string // of the configuration
	log  *slog.Logger
}

// run reads the configuration again with every SIGHUP.
func (r *regrouping) run(ctx context.Context) error {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGHUP)
	defer signal.Stop(signals)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-signals:
		}
		if err := r.reload(ctx); err != nil {
			r.log.Error("the configuration was read again and not taken up", "error", err)
			r.now().Report(relay.Problem{
				Kind: "reload_refused", Subject: "configuration", Detail: err.Error(), Remedy: "correct the file and send SIGHUP again; the relay goes on as before",
			})
		}
	}
}

// reload takes up the peers of the configuration as it is now.
func (r *regrouping) reload(ctx context.Context) error {
	r.changing.Lock()
	defer r.changing.Unlock()
	next, err := r.cfg.Reload(r.path)
	if err != nil {
		return err
	}
	if slices.Equal(next.Peers, r.peerList()) {
		r.log.Info("the configuration was read again: nothing has changed")
		return nil
	}
	if err := r.regroup(ctx, next.Peers); err != nil {
		return err
	}
	r.group = next
	r.log.Warn("the relay has taken up other peers", "peers", names(next.Peers))
	return nil
}

// AddPeer implements admin.Membership.
func (r *regrouping) AddPeer(ctx context.Context, name, address, loginOf string) error {
	return r.alter(ctx, func(c *config.Config) ([]config.Peer, error) { return c.AddPeer(name, address, loginOf) })
}

// RemovePeer implements admin.Membership.
func (r *regrouping) RemovePeer(ctx context.Context, name string) error {
	for _, p := range r.Peers() {
		if p.Region == name && p.State == "evicting" {
			return fmt.Errorf("region %s is being evicted, and its last transactions are still awaited: remove it when octant.peers says that it is evicted", name)
		}
	}
	return r.alter(ctx, func(c *config.Config) ([]config.Peer, error) { return c.RemovePeer(name) })
}

func (r *regrouping) alter(ctx context.Context, change func(*config.Config) ([]config.Peer, error)) error {
	r.changing.Lock()
	defer r.changing.Unlock()
	current := r.grouped()
	peers, err := change(current)
	if err != nil {
		return err
	}
	if err := r.regroup(ctx, peers); err != nil {
		return fmt.Errorf("%w; it is taken up at the next start", err)
	}
	r.group = current.WithPeers(peers)
	r.log.Warn("the relay has taken up other peers", "peers", names(peers))
	return nil
}

func names(peers []config.Peer) []string {
	list := make([]string, len(peers))
	for i, p := range peers {
		list[i] = p.Region
	}
	return list
}
