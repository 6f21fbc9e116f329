package testenv

import (
	"context"
	"fmt"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"github.com/octant-db/octant/testenv/pgserver"
)

// startRelays gives every relay its ports first, because the network's links and so the peers' addresses
// depend on them, then writes the peers into the configurations and starts all.
func (b *Bed) startRelays(ctx context.Context) error {
	targets := make(map[string]string)
	for _, r := range b.Regions {
		relay, err := NewRelay(RelayOptions{
			Binary: b.options.Octant,
			Dir:    filepath.Join(b.Dir, r.Name, "relay"),
			Config: b.relayConfig(r),
			Env:    b.options.RelayEnv,
		})
		if err != nil {
			return err
		}
		r.Relay = relay
		targets[r.Name] = relay.Addr()
	}
	var err error
	if b.Network, err = NewNetwork(targets); err != nil {
		return err
	}
	if err := b.introducePeers(); err != nil {
		return err
	}
	if err := b.eachRelay(func(r *Relay) error { return r.Start() }); err != nil {
		return err
	}
	return b.WaitReady(ctx)
}

func (b *Bed) relayConfig(r *Region) RelayConfig {
	url, password := "", b.Password
	if r.Postgres != nil {
		url, password = fmt.Sprintf("postgres://%s@%s/%s", pgserver.User, r.Postgres.Addr(), pgserver.Database), pgserver.Password
	} else {
		url = fmt.Sprintf("%s://%s@%s/", r.Server.engine.flavour.name(), DatabaseUser, r.Server.Addr())
	}
	return RelayConfig{
		Region: RegionConfig{Cluster: "testenv", Name: r.Name, ID: r.ID,
			DataDir: filepath.Join(b.Dir, r.Name, "relay", "data")},
		Database: DatabaseConfig{
			URL:      url,
			Password: password,
			Include:  b.options.Include,
			Exclude:  b.options.Exclude,
		},
		Users: []UserConfig{
			{Name: PeerUser, Password: b.Password, Roles: []string{"replicate"}},
			{Name: AdminUser, Password: b.Password, Roles: []string{"replicate", "read", "admin"}},
		},
	}
}

func (b *Bed) introducePeers() error {
	for _, r := range b.Regions {
		err := r.Relay.Configure(func(c *RelayConfig) {
			c.Peers = nil
			for _, other := range b.Regions {
				if other == r {
					continue
				}
				c.Peers = append(c.Peers, PeerConfig{Region: other.Name, User: PeerUser, Password: b.Password,
					Address: b.Network.Link(r.Name, other.Name).Addr()})
			}
			if b.options.Configure != nil {
				b.options.Configure(c)
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// WaitReady waits until every relay is ready and connected to all its peers.
func (b *Bed) WaitReady(ctx context.Context) error {
	return b.eachRelay(func(r *Relay) error { return r.WaitReady(ctx, "peers=all") })
}

// StopRelays ends all relays in order and fails if one does not keep the contract: see Relay.Stop.
func (b *Bed) StopRelays(ctx context.Context) error {
	return b.eachRelay(func(r *Relay) error { return r.Stop(ctx) })
}

// eachRelay runs f for all relays at the same time and returns the first failure, named by region.
func (b *Bed) eachRelay(f func(*Relay) error) error {
	var g errgroup.Group
	for _, r := range b.Regions {
		if r.Relay == nil {
			continue
		}
		g.Go(func() error {
			if err := f(r.Relay); err != nil {
				return fmt.Errorf("region %s: %w", r.Name, err)
			}
			return nil
		})
	}
	return g.Wait()
}
