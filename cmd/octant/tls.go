package main

import (
	"context"
	"crypto/tls"

	"github.com/octant-db/octant/internal/config"
	"github.com/octant-db/octant/protocol/mysql/feed"
	"github.com/octant-db/octant/relaylog"
)

// databaseTLS is how the database is reached; nil: without TLS. With tls = preferred the server is asked. One that has never been reached
// is taken to offer it.
func databaseTLS(ctx context.Context, d config.Database, store *relaylog.DB) (*tls.Config, error) {
	secured, err := d.TLS.Config(d.Address)
	if err != nil || d.TLS.Mode != config.TLSPreferred {
		return secured, err
	}
	g, err := greet(ctx, d.Address)
	if err == nil {
		err = remember(ctx, d.Address, store, g)
	} else {
		g, err = recall(d.Address, store)
	}
	if err == nil && !g.TLS {
		return nil, nil
	}
	return secured, nil
}

// doctorTLS is databaseTLS for who asks once. A server that cannot be reached is found by the checks.
func doctorTLS(ctx context.Context, d config.Database) (*tls.Config, error) {
	secured, err := d.TLS.Config(d.Address)
	if err != nil || d.TLS.Mode != config.TLSPreferred {
		return secured, err
	}
	if g, err := greet(ctx, d.Address); err != nil || !g.TLS {
		return nil, nil
	}
	return secured, nil
}

// peerDialer reaches the other regions' relays.
func peerDialer(cfg *config.Config) (*feed.Dialer, error) {
	secured, err := cfg.PeerTLS.Config("peer:0")
	if secured != nil {
		secured.ServerName = "" // the dialer fills in each peer's own
	}
	return &feed.Dialer{TLS: secured}, err
}
